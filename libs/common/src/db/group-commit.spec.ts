import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { BacklogFull, BatchedCommitter, InlineCommitter } from './group-commit.js';

/** A batch that ends when the test says so. */
function gate() {
  const batches: { requests: number[]; release: () => void; fail: (error: Error) => void }[] = [];
  const run = (requests: number[]) =>
    new Promise<number[]>((resolve, reject) => {
      batches.push({ requests, release: () => resolve(requests.map((n) => n * 10)), fail: reject });
    });
  return { batches, run };
}

describe('group commit', () => {
  it('sends what arrives in one turn together, and lets later requests wait for the batch in flight', async () => {
    const { batches, run } = gate();
    const committer = new BatchedCommitter({ run, maxBatch: 10, maxBacklog: 10 });
    const first = [committer.commit(1), committer.commit(2)];
    await turn();
    const second = [committer.commit(3), committer.commit(4)];
    await turn();
    expect(batches.map((batch) => batch.requests)).toEqual([[1, 2]]);
    batches[0]!.release();
    expect(await Promise.all(first)).toEqual([10, 20]);
    await turn();
    expect(batches.map((batch) => batch.requests)).toEqual([
      [1, 2],
      [3, 4],
    ]);
    batches[1]!.release();
    expect(await Promise.all(second)).toEqual([30, 40]);
  });

  it('never puts more into a batch than maxBatch, and keeps the order of arrival', async () => {
    const seen: number[][] = [];
    const run = (requests: number[]) => {
      seen.push(requests);
      return Promise.resolve(requests);
    };
    const committer = new BatchedCommitter({ run, maxBatch: 3, maxBacklog: 100 });
    await Promise.all([1, 2, 3, 4, 5, 6, 7].map((n) => committer.commit(n)));
    expect(seen).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
  });

  it('refuses at once when too many wait, and loses none of those that do', async () => {
    const { batches, run } = gate();
    const committer = new BatchedCommitter({ run, maxBatch: 1, maxBacklog: 2 });
    const first = committer.commit(1);
    await turn();
    const waiting = [committer.commit(2), committer.commit(3)];
    await expect(committer.commit(4)).rejects.toBeInstanceOf(BacklogFull);
    for (const expected of [1, 2, 3]) {
      await turn();
      expect(batches.at(-1)!.requests).toEqual([expected]);
      batches.at(-1)!.release();
    }
    expect(await first).toBe(10);
    expect(await Promise.all(waiting)).toEqual([20, 30]);
  });

  it('never puts two requests of one key into a batch', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 40 }), async (keys) => {
        const batches: number[][] = [];
        const run = (requests: number[]) => {
          batches.push(requests);
          return Promise.resolve(requests);
        };
        const committer = new BatchedCommitter({ run, maxBatch: 8, maxBacklog: 100, conflictKey: String });
        expect(await Promise.all(keys.map((key) => committer.commit(key)))).toEqual(keys);
        for (const batch of batches) expect(new Set(batch).size).toBe(batch.length);
        expect(batches.flat().sort()).toEqual([...keys].sort());
      }),
    );
  });

  it('tries requests alone when one of them may be to blame, so that it fails nobody else', async () => {
    const run = (requests: number[]) =>
      requests.includes(13) ? Promise.reject(new Error('bad value')) : Promise.resolve(requests);
    const committer = new BatchedCommitter({ run, maxBatch: 10, maxBacklog: 10, isIsolated: () => true });
    const results = await Promise.allSettled([1, 13, 2].map((n) => committer.commit(n)));
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('fails the whole batch when the database is away', async () => {
    const run = () => Promise.reject(new Error('connection lost'));
    const committer = new BatchedCommitter<number, number>({
      run,
      maxBatch: 10,
      maxBacklog: 10,
      isIsolated: () => false,
    });
    const results = await Promise.allSettled([1, 2].map((n) => committer.commit(n)));
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  });

  it.each([
    ['batched', BatchedCommitter],
    ['inline', InlineCommitter],
  ] as const)('%s: finishes what waits when closed, and takes nothing new', async (_name, Committer) => {
    const run = (requests: number[]) => turn().then(() => requests);
    const committer = new Committer<number, number>({ run, maxBatch: 1, maxBacklog: 10 });
    const waiting = [committer.commit(1), committer.commit(2)];
    await committer.close();
    expect(await Promise.all(waiting)).toEqual([1, 2]);
    await expect(committer.commit(3)).rejects.toThrow('closed');
  });
});
