import type { Image, Process } from '../records/attributed-connection.js';
import { ascii, type LineBuffer } from './line-buffer.js';
import { type ShownCommandLine, shownCommandLine, shownElderCommandLine } from './shown-command-line.js';

/** Room for the names of all fields and their numbers. */
const FIELD_BYTES = 512;

const PID = ascii('{"pid":');
const START = ascii(',"start":');
const NAME = ascii(',"name":');
const PATH = ascii(',"path":');
const CMDLINE = ascii(',"cmdline":');
const CMDLINE_SIZE = ascii(',"cmdline_size":');
const CWD = ascii(',"cwd":');
const SHA256 = ascii(',"sha256":');
const ANCESTORS = ascii(',"ancestors":[');
const COMMA = ascii(',');
const END = ascii('}');
const END_OF_LIST = ascii(']');

/** Appends a process as JSON, times in epoch seconds. By hand, since an end of every second line has one that no other line shares. */
export function writeProcess(line: LineBuffer, process: Process): void {
  writeImage(line, process, shownCommandLine(process.cmdline));
  if (process.cwd !== undefined) {
    line.piece(CWD);
    writeText(line, process.cwd);
  }
  if (process.sha256 !== undefined) {
    line.piece(SHA256);
    writeText(line, process.sha256);
  }
  if (process.ancestors !== undefined) {
    line.piece(ANCESTORS);
    for (let i = 0; i < process.ancestors.length; i++) {
      if (i > 0) line.piece(COMMA);
      const ancestor = process.ancestors[i]!;
      writeImage(line, ancestor, (i === 0 ? shownCommandLine : shownElderCommandLine)(ancestor.cmdline));
      line.piece(END);
    }
    line.piece(END_OF_LIST);
  }
  line.piece(END);
}

function writeImage(line: LineBuffer, { pid, start, name, path }: Image, shown: ShownCommandLine): void {
  line.reserve(FIELD_BYTES);
  line.piece(PID);
  line.integer(pid);
  if (start !== undefined) {
    line.piece(START);
    line.seconds(start);
  }
  if (name !== undefined) {
    line.piece(NAME);
    writeText(line, name);
  }
  if (path !== undefined) {
    line.piece(PATH);
    writeText(line, path);
  }
  if (shown.cmdline !== undefined) {
    line.piece(CMDLINE);
    writeText(line, shown.cmdline);
  }
  if (shown.cmdline_size !== undefined) {
    line.piece(CMDLINE_SIZE);
    line.integer(shown.cmdline_size);
  }
}

function writeText(line: LineBuffer, text: string): void {
  line.quoted(text);
  line.reserve(FIELD_BYTES);
}
