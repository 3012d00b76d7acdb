import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CaptureFileOptions, openCaptureFile } from '../../src/capture/capture-file.js';
import type { PacketSource } from '../../src/capture/packet-source.js';
import type { Warning } from '../../src/core/warnings.js';
import type { TestPacket } from './capture-bytes.js';

export interface CaptureContent {
  readonly packets: TestPacket[];
  readonly warnings: Warning[];
}

/** Everything a source hands over, copied, with each batch released before the next is asked for. */
export async function drain(source: PacketSource): Promise<TestPacket[]> {
  const packets: TestPacket[] = [];
  for (;;) {
    const batch = await source.next();
    if (batch === undefined) return packets;
    for (let i = 0; i < batch.count; i++) {
      packets.push({
        timeUs: batch.timeUs[i]!,
        bytes: batch.bytes.slice(batch.offset[i]!, batch.offset[i]! + batch.capLen[i]!),
        wireLen: batch.wireLen[i]!,
        linkType: batch.link[i]! & 0xffff,
        source: batch.link[i]! >>> 16,
      });
    }
    source.release(batch);
  }
}

/** Reads a whole capture file. Released batches are overwritten. */
export async function readCapture(path: string, options: Partial<CaptureFileOptions> = {}): Promise<CaptureContent> {
  const warnings: Warning[] = [];
  const warn = (warning: Warning) => warnings.push(warning);
  const source = await openCaptureFile(path, { warn, overwriteReleased: true, ...options });
  try {
    return { packets: await drain(source), warnings };
  } finally {
    await source.close();
  }
}

/** A folder for captures that goes away with `remove`. */
export class CaptureFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'capture-test-'));
  #files = 0;

  write(bytes: Uint8Array): string {
    const path = join(this.path, `${this.#files++}.cap`);
    writeFileSync(path, bytes);
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A packet as `drain` gives it. */
export function asRead(packet: TestPacket, linkType = 1, source = 0): TestPacket {
  const { timeUs, bytes, wireLen = bytes.length } = packet;
  return { timeUs, bytes, wireLen, linkType: packet.linkType ?? linkType, source };
}
