// Faults of the packet engine: capture files, decoding, connections, streams.

const datagrams = ['test/conn/datagrams.test.ts'];
const tcp = ['test/conn/tcp.test.ts'];
const stream = ['test/conn/stream.test.ts'];
const zstd = ['test/capture/zstd-input.test.ts'];
const tracker = 'src/conn/connection-tracker.ts';
const expiry = 'src/conn/expiry.ts';
const pieces = 'src/conn/stream/stream-pieces.ts';
const assembler = 'src/conn/stream/stream-assembler.ts';
const zstdInput = 'src/capture/zstd-input.ts';
const zstdBlock = 'src/capture/zstd/zstd-block.ts';

export const engineFaults = [
  {
    name: 'dns-session-kept-a-minute',
    file: expiry,
    find: 'if (!isDns) return last',
    replace: 'if (true) return last',
    tests: datagrams,
  },
  {
    name: 'looks-at-dns-counted-from-the-first-packet',
    file: expiry,
    find: 'look : now + period',
    replace: 'look : look + period',
    tests: datagrams,
  },
  {
    name: 'interactive-session-ended-after-minutes',
    file: expiry,
    find: '(flags & SYN_ANSWERED) !== 0 && ofPort !== undefined ? ofPort : t.tcp_inactivity_timeout',
    replace: '(flags & SYN_ANSWERED) !== 0 && ofPort === -1 ? ofPort : t.tcp_inactivity_timeout',
    tests: tcp,
  },
  {
    name: 'long-wait-without-an-answered-syn',
    file: expiry,
    find: '(flags & SYN_ANSWERED) !== 0 && ofPort',
    replace: '(flags & SYN_ANSWERED) !== -1 && ofPort',
    tests: tcp,
  },
  {
    name: 'dns-answer-to-a-group-turns',
    file: 'src/conn/message-direction.ts',
    find: ' && !isMulticast(table, base)',
    replace: '',
    tests: datagrams,
  },
  {
    name: 'datagrams-turned-once-for-both-roles',
    file: 'src/conn/message-direction.ts',
    find: '(flags & (HEARD << dir)) !== 0',
    replace: '(flags & (3 * HEARD)) !== 0',
    tests: datagrams,
  },
  {
    name: 'igmp-checksum-not-looked-at',
    file: 'src/decode/decoder.ts',
    find: "if (!igmpChecksumHolds(packet)) weird.count('igmp_invalid_checksum');",
    replace: 'void igmpChecksumHolds;',
    tests: datagrams,
  },
  {
    name: 'extensions-not-followed-behind-fragments',
    file: 'src/decode/ip.ts',
    find: '    type = packet.proto;\n    at = packet.at;',
    replace: '    return true;',
    tests: ['test/decode/fragment.test.ts'],
  },
  {
    name: 'half-reset-kept-as-if-established',
    file: expiry,
    find: 'if (isHalfReset(table, base)) {',
    replace: 'if (base < 0) {',
    tests: tcp,
  },
  {
    name: 'half-reset-noticed-when-its-old-deadline-comes',
    file: 'src/conn/tcp-connection.ts',
    find: 'else if (isRst && isHalfReset(table, base)) c.sooner = true;',
    replace: '',
    tests: tcp,
  },
  {
    name: 'mobility-checksum-not-verified',
    file: 'src/decode/ip.ts',
    find: 'context.verifyChecksums && !mobilityChecksumHolds(packet, at, length)',
    replace: 'length < 0',
    tests: ['test/decode/ip.test.ts'],
  },
  {
    name: 'letters-at-every-occurrence',
    file: 'src/conn/history.ts',
    find: '    count === 1 ||\n    count === 10 ||',
    replace: '    count >= 1 ||\n    count === 10 ||',
    tests: tcp,
    ci: true,
  },
  {
    name: 'zero-window-after-a-reset-written',
    file: 'src/conn/tcp-connection.ts',
    find: 'stateOf(table, base, 1 - dir) !== TCP_CLOSED &&',
    replace: 'stateOf(table, base, 1 - dir) !== -1 &&',
    tests: tcp,
  },
  {
    name: 'gap-of-a-connection-without-a-start',
    file: 'src/conn/tcp-stream.ts',
    find: 'if (!isClean(flags, 0) || !isClean(flags, 1)) return;',
    replace: 'void isClean;',
    tests: tcp,
  },
  {
    name: 'lone-syn-ack-turned-by-anything',
    file: 'src/conn/tcp-connection.ts',
    find: 'if (isPlain && (isAck || length > 0) && flipLoneSynAck(table, weird, base)) {',
    replace: 'if (flipLoneSynAck(table, weird, base)) {',
    tests: tcp,
  },
  {
    name: 'reuse-of-the-ends-not-seen',
    file: 'src/conn/tcp-connection.ts',
    find: 'if (seq === table.i32[base + START_SEQ + (answers ? 1 : 0)]) return false;',
    replace: 'return false;',
    tests: tcp,
  },
  {
    name: 'gap-swallows-what-lies-behind',
    file: pieces,
    find: 'this.position = piece === undefined ? upTo : Math.min(upTo, piece.from);',
    replace: 'this.position = upTo;',
    tests: stream,
  },
  {
    name: 'later-content-wins',
    file: pieces,
    find: 'const stop = next === undefined ? to : Math.min(to, next.from);',
    replace: 'const stop = to;',
    tests: stream,
    ci: true,
  },
  {
    name: 'borrowed-bytes-kept',
    file: pieces,
    find: 'piece.bytes = piece.bytes.slice();',
    replace: '',
    tests: stream,
  },
  {
    name: 'stream-bytes-without-a-bound',
    file: assembler,
    find: 'Math.min(limits.streamBytes - stream.held, limits.streamsBytes - this.heldBytes)',
    replace: 'limits.streamsBytes * 1e6',
    tests: stream,
  },
  {
    name: 'stream-not-closed-at-the-end-of-input',
    file: tracker,
    find: '      this.#context.streams?.close(base);\n      this.#updates',
    replace: '      this.#updates',
    tests: stream,
  },
  {
    name: 'stream-end-told-twice',
    file: assembler,
    find: 'stream.ended[direction] = true;',
    replace: '',
    tests: stream,
  },
  {
    name: 'zstd-window-as-claimed',
    file: zstdInput,
    find: 'if (windowBytes > limits.zstdWindowBytes)',
    replace: 'if (windowBytes > limits.zstdWindowBytes * 1e9)',
    tests: zstd,
  },
  {
    name: 'zstd-block-beyond-its-bound',
    file: zstdBlock,
    find: "if (out + literalLength + matchLength > limit) corrupt('sequences beyond the block');",
    replace: '',
    tests: zstd,
  },
  {
    name: 'zstd-repeated-offset-wrong',
    file: zstdBlock,
    find: 'const index = literalLength === 0 ? value : value - 1;',
    replace: 'const index = value - 1;',
    tests: zstd,
  },
  {
    name: 'zstd-torn-file-not-told',
    file: zstdInput,
    find: "this.#endWith('CAPTURE_TRUNCATED', 'the zstd file ends early');",
    replace: 'this.#ended = true;',
    tests: zstd,
  },
  {
    name: 'timeout-of-zero-accepted',
    file: 'src/cli/timeouts-file.ts',
    find: 'return us > 0 && us <= MAX_SECONDS * SECOND ? us : undefined;',
    replace: 'return us;',
    tests: ['test/cli/timeouts-file.test.ts'],
  },
  {
    name: 'outputs-over-one-another',
    file: 'src/cli/overwritten-files.ts',
    find: 'taken.set(file, output);',
    replace: '',
    tests: ['test/cli/overwritten-files.test.ts'],
  },
  {
    name: 'error-in-a-filter-at-its-start',
    file: 'src/capture/filter-position.ts',
    find: 'if (canBegin(filter.slice(0, last.index + last[0].length), compiles)) good = middle;',
    replace: 'if (canBegin("", compiles) && last.index < 0) good = middle;',
    tests: ['test/capture/filter-position.test.ts'],
  },
  {
    name: 'unchanged-rule-begins-anew',
    file: 'src/rules/script/script-rules.ts',
    find: 'return isSame && !guard.stopped;',
    replace: 'return false;',
    tests: ['test/rules/script/replaced-rules.test.ts'],
  },
  {
    name: 'file-in-its-place-emptied',
    file: 'src/outputs/line-sink.ts',
    find: 'return written.ino === found.ino && written.dev === found.dev;',
    replace: 'return false;',
    tests: ['test/outputs/line-sink.test.ts'],
  },
];
