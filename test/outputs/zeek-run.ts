import type { OutputOptions } from '../../src/pipeline/outputs.js';
import { run } from '../../src/pipeline.js';

export interface FileRun {
  readonly files: readonly string[];
  readonly hostLogs?: readonly string[];
  readonly checksums?: 'verify' | 'ignore';
  readonly outputs: Pick<OutputOptions, 'connections' | 'zeekLogs'>;
}

/** The whole program over files, without rules and without a word to anybody. */
export async function runFiles({ files, hostLogs = [], checksums = 'verify', outputs }: FileRun): Promise<void> {
  await run(
    {
      interfaces: [],
      files,
      hostLogs,
      rules: [],
      strictRules: false,
      checksums,
      watchLocalHost: false,
      sensor: 'poll',
      latenessUs: 600_000_000,
      attrWaitUs: 2_000_000,
      outputs: {
        format: 'ecs',
        table: false,
        showsAlerts: false,
        overflow: 'wait',
        finalOnly: true,
        show: () => {},
        ...outputs,
      },
    },
    {
      warn: () => {},
      info: () => {},
      stop: new AbortController().signal,
      onProgress: () => {},
      onRefresh: () => {},
    },
  );
}
