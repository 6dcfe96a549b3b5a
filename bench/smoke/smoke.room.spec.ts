import { startGateway, type TestGateway } from '../../test/support/gateway.js';
import { until } from '../../test/support/until.js';
import { parseOptions } from './options.js';
import { runSmoke } from './run-smoke.js';
import { linesOf, type TaskOutcome, verdictOf } from './verdict.js';

describe('the smoke test', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it('finds ten of ten done at a Houston that works, and leaves nobody connected', async () => {
    const verdict = verdictOf(await runSmoke(gateway.url, gateway.db.ownerKey));
    expect(verdict).toMatchObject({ isFine: true, done: 10, total: 10, faults: [] });
    expect(linesOf(verdict)).toEqual([
      '10/10 done',
      expect.stringMatching(/^slowest assignment \d+ ms/),
      'All is well.',
    ]);
    const { database, organizationId } = gateway.db;
    await until(
      async () =>
        (await database.inOrganization(organizationId, (tx) => tx.query('select from agent_sessions'))).length === 0,
    );
  });

  const fine: TaskOutcome = { status: 'done', assignedMs: 40, times: 1, hasItsResult: true };

  it.each<[string, Partial<TaskOutcome>, RegExp]>([
    ['one is not done', { status: 'inbox', assignedMs: null, times: 0, hasItsResult: false }, /1 are not done: inbox/],
    ['one has a foreign result', { hasItsResult: false }, /1 are not done/],
    ['one was assigned after 5 s', { assignedMs: 5_001 }, /longer than 5000 ms/],
    ['one was handed out twice', { times: 2 }, /handed out twice/],
  ])('finds fault when %s', (_, change, sentence) => {
    const verdict = verdictOf([fine, { ...fine, ...change }]);
    expect(verdict.isFine).toBe(false);
    expect(linesOf(verdict).join('\n')).toMatch(sentence);
  });

  it('finds fault when there was nothing at all', () => {
    expect(verdictOf([]).isFine).toBe(false);
  });

  it('reads its command line', () => {
    expect(parseOptions([])).toEqual({ kind: 'run', options: { url: null, key: null } });
    expect(parseOptions(['--url', 'http://a:1', '--key', 'k'])).toMatchObject({
      options: { url: 'http://a:1', key: 'k' },
    });
    for (const args of [['--url', 'http://a:1'], ['--url', 'nowhere', '--key', 'k'], ['--fast']]) {
      expect(parseOptions(args).kind).toBe('fault');
    }
  });
});
