/** Version that the recordings of this program have; the header line is `{"correlate_recording":1}`. */
export const recordingVersion = 1;

/** Member of the header line that holds the version. */
export const recordingMark = 'correlate_recording';
