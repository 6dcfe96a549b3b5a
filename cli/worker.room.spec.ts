import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CliFixture, type CliRun } from '../test/support/cli-fixture.js';
import { bodyOf, startGateway, type TestGateway } from '../test/support/gateway.js';
import { until } from '../test/support/until.js';

interface TaskAnswer {
  id: string;
  status: string;
  attempts: number;
  result: unknown;
}

describe('a sidecar and a real Houston', () => {
  let cli: CliFixture;
  let gateway: TestGateway;
  let name: string;
  let made = 0;

  beforeAll(async () => {
    cli = new CliFixture();
    gateway = await startGateway();
  });
  afterAll(async () => {
    await cli.dispose();
    await gateway.close();
  });
  beforeEach(async () => {
    name = `real-${(made += 1)}`;
    const flags = ['--hub', gateway.url, '--key', gateway.db.ownerKey, '--capability', name, '--max-concurrent', '2'];
    const added = await cli.run(['agent', 'add', '--name', name, ...flags]).ended;
    expect(added.code).toBe(0);
  });

  const run = (program: string, ...flags: string[]): CliRun =>
    cli.run(['agent', 'run', '--name', name, ...flags, '--', ...cli.program(program)]);
  const addTask = async (more: Record<string, unknown> = {}) => {
    const body = { title: 'work', priority: 'normal', requiredCapabilities: [name], ...more };
    return bodyOf<TaskAnswer>(await gateway.owner.post('/api/tasks', body), 201).id;
  };
  const task = async (id: string) => bodyOf<TaskAnswer>(await gateway.owner.get(`/api/tasks/${id}`), 200);
  const agent = async () => bodyOf<{ state: string }>(await gateway.owner.get(`/api/agents/${name}`), 200);
  const fileNamed = (label: string) => path.join(cli.root, `${name}.${label}`);

  it('does ten tasks, two at a time, each once', async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, (_, n) => addTask({ payload: { n } })));
    const { ended } = run(
      `let text = ''; for await (const chunk of process.stdin) text += chunk;
       const { payload } = JSON.parse(text); console.log(JSON.stringify({ progress: payload.n })); console.log(JSON.stringify({ square: payload.n ** 2 }));`,
      '--tasks',
      '10',
    );
    expect(await ended).toEqual({ code: 0, signal: null });
    const tasks = await Promise.all(ids.map(task));
    expect(tasks.map(({ status, attempts, result }) => [status, attempts, result])).toEqual(
      ids.map((_, n) => ['done', 1, { square: n ** 2 }]),
    );
  });

  it('waits for work, is seen idle meanwhile, and takes it up at once when it comes', async () => {
    const sidecar = run(`console.log('{"ok": true}')`, '--tasks', '1');
    await until(async () => (await agent()).state === 'idle');
    const id = await addTask();
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
    expect(await task(id)).toMatchObject({ status: 'done', result: { ok: true } });
  });

  it('loses a task whose agent is disabled: the command ends, and another attempt is free', async () => {
    const id = await addTask();
    const file = fileNamed('pid');
    const sidecar = run(
      `import { writeFileSync } from 'node:fs'; writeFileSync('${file}', String(process.pid));
       setInterval(() => console.log(JSON.stringify({ progress: Date.now() })), 300);`,
      '--tasks',
      '1',
    );
    await until(() => existsSync(file) && readFileSync(file, 'utf8') !== '');
    await until(async () => (await agent()).state === 'working');
    bodyOf(await gateway.owner.patch(`/api/agents/${name}`, { enabled: false }), 200);
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
    expect(sidecar.stderr()).toMatch(/lease is lost/);
    expect(await task(id)).toMatchObject({ status: 'inbox', attempts: 0 });
  });

  it('gives its task back when it is stopped, and the next one finds the progress', async () => {
    const id = await addTask();
    const file = fileNamed('told');
    const first = run(
      `import { writeFileSync } from 'node:fs'; console.log('{"progress": {"page": 7}}');
       setTimeout(() => writeFileSync('${file}', '1'), 1000); setInterval(() => {}, 1000);`,
    );
    await until(() => existsSync(file));
    first.child.kill('SIGTERM');
    expect(await first.ended).toEqual({ code: 0, signal: null });
    expect(await task(id)).toMatchObject({ status: 'inbox', attempts: 0 });
    const program = `let text = ''; for await (const chunk of process.stdin) text += chunk; console.log(JSON.stringify(JSON.parse(text).progress));`;
    await run(program, '--tasks', '1').ended;
    expect(await task(id)).toMatchObject({ status: 'done', result: { page: 7 } });
  });

  it('tells a failure, which is retried, and a result that does not fit its schema', async () => {
    const retryPolicy = { initialInterval: 0.05, backoffCoefficient: 1, maximumAttempts: 1 };
    const outputSchema = { type: 'object', required: ['n'], properties: { n: { type: 'number' } } };
    const broken = await addTask({ retryPolicy });
    const misfit = await addTask({ retryPolicy, outputSchema });
    await run(
      `if (process.env.HOUSTON_TASK_ID === '${broken}') { console.log('{"error": "no ink", "kind": "permanent"}'); process.exit(1); }
       console.log('{"n": "one"}');`,
      '--tasks',
      '2',
    ).ended;
    expect(await task(broken)).toMatchObject({ status: 'failed', lastError: 'no ink' });
    expect((await task(misfit)).status).toBe('failed');
  });

  it('ends when its key is revoked', async () => {
    const sidecar = run('', '--wait', '1');
    await until(async () => (await agent()).state === 'idle');
    const { keyId } = JSON.parse(readFileSync(path.join(cli.configDir, 'agents', `${name}.json`), 'utf8')) as {
      keyId: string;
    };
    await gateway.owner.delete(`/api/keys/${keyId}`);
    expect(await sidecar.ended).toEqual({ code: 1, signal: null });
    expect(sidecar.stderr()).toMatch(/refuses this agent/);
  });
});
