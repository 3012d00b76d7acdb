import { describe, expect, it } from 'vitest';
import { captureAddonBuilt, loadCaptureAddon } from '../../src/capture/live-source.js';
import {
  BYTES_OFFSET,
  HEADER_BYTES,
  HEADER_OFFSETS,
  MAX_PACKETS,
  PacketBatch,
} from '../../src/capture/packet-batch.js';

const built = captureAddonBuilt();

describe.skipIf(!built)(`packet batch layout${built ? '' : ' (skipped: build/capture.node is not built)'}`, () => {
  it('is the same in C++ and TypeScript', () => {
    const batch = new PacketBatch(16);
    expect(loadCaptureAddon().layout).toEqual({
      maxPackets: MAX_PACKETS,
      headerBytes: HEADER_BYTES,
      timeUs: batch.timeUs.byteOffset,
      capLen: batch.capLen.byteOffset,
      wireLen: batch.wireLen.byteOffset,
      offset: batch.offset.byteOffset,
      link: batch.link.byteOffset,
      bytes: BYTES_OFFSET,
      ...HEADER_OFFSETS,
    });
  });
});
