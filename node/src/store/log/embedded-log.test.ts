import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testCommitLog } from '../../log/contract-suite.ts';
import { plainCodec } from '../../log/sample-records.ts';
import { openEmbeddedLog } from './embedded-log.ts';

testCommitLog('embedded log', async ({ segmentRecords }) => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-log-'));
  const rotten = new Set<number>();
  let fault: Error | null = null;
  const check = (bytes: Uint8Array) => {
    const seq = plainCodec.check(bytes);
    return seq !== null && rotten.has(seq) ? null : seq;
  };
  const log = await openEmbeddedLog({
    dir,
    codec: { ...plainCodec, check },
    segmentRecords,
    ballastBytes: 0,
    retryMs: 10,
    faults: {
      beforeWrite: () => {
        if (fault !== null) throw fault;
      },
      free: (bytes) => bytes,
    },
  });
  return {
    log,
    damage: async (seq) => void rotten.add(seq),
    full: async (on) => {
      fault = on ? new Error('IO error: No space left on device') : null;
    },
    failing: async (on) => {
      fault = on ? new Error('IO error: Input/output error') : null;
    },
    close: async () => {
      await log.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
});
