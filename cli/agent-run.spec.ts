import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CliFixture, type CliRun } from '../test/support/cli-fixture.js';
import { PretendHub } from '../test/support/pretend-hub.js';
import { until } from '../test/support/until.js';

describe('the sidecar', () => {
  let cli: CliFixture;
  let hub: PretendHub;
  let name: string;
  let made = 0;

  beforeAll(() => {
    cli = new CliFixture();
  });
  afterAll(() => cli.dispose());
  beforeEach(async () => {
    hub = await PretendHub.start();
    name = `worker-${(made += 1)}`;
    cli.configure(hub.url, name);
  });
  afterEach(async () => {
    await cli.killLeftovers();
    await hub.close();
  });

  const run = (program: string, ...flags: string[]): CliRun =>
    cli.run(['agent', 'run', '--name', name, ...flags, '--', ...cli.program(program)]);
  const outbox = () => {
    const folder = path.join(cli.configDir, 'agents', `${name}.outbox`);
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  };
  const fileNamed = (label: string) => path.join(cli.root, `${name}.${label}`);
  // A file is there before its content is.
  const pidIn = (file: string) => until(() => (existsSync(file) && Number(readFileSync(file, 'utf8'))) || null, 30_000);
  /** For a program: waits until the test releases it. */
  const untilReleased = (label: string) =>
    `while (!(await import('node:fs')).existsSync('${fileNamed(label)}')) await new Promise((resolve) => setTimeout(resolve, 20));`;
  const release = (label: string) => writeFileSync(fileNamed(label), '');

  it('gives the command its task and environment, and tells its JSON as the result', async () => {
    hub.tasks.push({ id: 't1', title: 'Zählen', payload: { n: 3 } });
    const { ended } = run(
      `let text = ''; for await (const chunk of process.stdin) text += chunk;
       const task = JSON.parse(text); const { HOUSTON_TASK_ID, HOUSTON_LEASE_FENCE, HOUSTON_URL, HOUSTON_AGENT } = process.env;
       console.log('thinking'); console.log(JSON.stringify({ sum: task.payload.n, title: task.title, HOUSTON_TASK_ID, HOUSTON_LEASE_FENCE, HOUSTON_URL, HOUSTON_AGENT }));`,
      '--tasks',
      '1',
    );
    expect(await ended).toEqual({ code: 0, signal: null });
    const lease = { id: '0199aaaa-0000-7000-8000-000000000001', fence: 7 };
    const env = { HOUSTON_TASK_ID: 't1', HOUSTON_LEASE_FENCE: '7', HOUSTON_URL: hub.url, HOUSTON_AGENT: name };
    expect(hub.said('complete').map((call) => call.body)).toEqual([
      { lease, result: { sum: 3, title: 'Zählen', ...env } },
    ]);
    expect(hub.said('complete')[0]!.path).toBe('/api/tasks/t1/complete');
    expect(hub.said('fail')).toEqual([]);
    expect(outbox()).toEqual([]);
  });

  it('passes progress on while the command runs, the latest word last', async () => {
    hub.tasks.push({ id: 't1' });
    const pages = [1, 2, 3].map(
      (page) =>
        `console.log(JSON.stringify({ progress: { page: ${page} }, usage: { outputTokens: ${page} } })); ${untilReleased(`page-${page}`)}`,
    );
    const { ended } = run(`${pages.join('\n')} console.log('{"result": "read"}');`, '--tasks', '1');
    const told = () => hub.said('heartbeat').map(({ body }) => [body['progress'], body['usage']]);
    for (const page of [1, 2, 3]) {
      const latest = [{ page }, { outputTokens: page }];
      await until(() => told().some((news) => JSON.stringify(news) === JSON.stringify(latest)));
      release(`page-${page}`);
    }
    await ended;
    expect(told().filter(([progress]) => progress !== undefined)).toHaveLength(3);
    expect(hub.said('complete')[0]!.body).toMatchObject({ result: 'read' });
  });

  it('keeps the lease of a silent command alive well within its time', async () => {
    hub.ttlMs = 6_000;
    hub.tasks.push({ id: 't1' });
    const { ended } = run(untilReleased('go'), '--tasks', '1');
    await until(() => hub.givenOut.length === 1);
    for (let beats = 1; beats <= 2; beats += 1) {
      await until(() => hub.said('heartbeat').length === beats, hub.ttlMs);
    }
    release('go');
    await ended;
  });

  it('tells a failure with its exit code and what was said, and goes on with the next task', async () => {
    hub.tasks.push({ id: 't1' }, { id: 't2' });
    await run(
      `console.log('no paper'); process.exitCode = process.env.HOUSTON_TASK_ID === 't1' ? 3 : 65;`,
      ...['--tasks', '2', '--concurrency', '1'],
    ).ended;
    expect(hub.said('fail').map(({ body }) => [body['kind'], body['error']])).toEqual([
      ['transient', 'It ended with exit code 3.\nno paper'],
      ['permanent', 'It ended with exit code 65.\nno paper'],
    ]);
    expect(hub.said('complete')).toEqual([]);
  });

  it('runs as many at once as it may, and no more', async () => {
    for (let n = 1; n <= 6; n += 1) hub.tasks.push({ id: `t${n}` });
    const log = fileNamed('log');
    writeFileSync(log, '');
    const { ended } = run(
      `import { appendFileSync } from 'node:fs'; appendFileSync('${log}', '+'); ${untilReleased('go')} appendFileSync('${log}', '-');`,
      ...['--tasks', '6', '--concurrency', '3'],
    );
    await until(() => readFileSync(log, 'utf8') === '+++');
    expect(hub.givenOut).toHaveLength(3);
    release('go');
    await ended;
    let [now, most] = [0, 0];
    for (const mark of readFileSync(log, 'utf8')) most = Math.max(most, (now += mark === '+' ? 1 : -1));
    expect(most).toBe(3);
    expect(hub.said('complete')).toHaveLength(6);
  });

  const STUBBORN = (file: string) => `
    import { spawn } from 'node:child_process'; import { writeFileSync } from 'node:fs';
    process.on('SIGTERM', () => {});
    const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], { stdio: 'inherit' });
    writeFileSync('${file}', String(child.pid)); setInterval(() => {}, 1000);`;

  it('ends the whole process group when the lease is lost, and tells nothing', async () => {
    hub.ttlMs = 1_000;
    hub.tasks.push({ id: 't1' });
    const sidecar = run(STUBBORN(fileNamed('pid')), '--tasks', '1', '--grace', '1');
    const grandchild = await pidIn(fileNamed('pid'));
    expect(isAlive(grandchild)).toBe(true);
    hub.lost.add('t1');
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
    await until(() => !isAlive(grandchild));
    expect([hub.said('complete'), hub.said('fail'), hub.said('release')]).toEqual([[], [], []]);
    expect(sidecar.stderr()).toMatch(/lease is lost: Another has it/);
  });

  it('ends a command that the hub wants ended, and says so', async () => {
    hub.ttlMs = 1_000;
    hub.unwanted.add('t1');
    hub.tasks.push({ id: 't1' });
    await run(`setInterval(() => {}, 1000);`, '--tasks', '1').ended;
    expect(hub.said('fail').map(({ body }) => body)).toMatchObject([{ kind: 'transient', errorType: 'stopped' }]);
  });

  it('keeps a result while the hub is away and tells it when it is back', async () => {
    hub.tasks.push({ id: 't1' });
    const sidecar = run(`${untilReleased('go')} console.log('{"n": 1}');`, '--tasks', '1');
    await until(() => hub.givenOut.length === 1);
    hub.isAway = true;
    release('go');
    await until(() => outbox().length === 1 && /report waits/.test(sidecar.stderr()));
    hub.isAway = false;
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
    expect(hub.said('complete')).toHaveLength(1);
    expect(outbox()).toEqual([]);
  });

  it('tells a result that a killed sidecar left behind', async () => {
    hub.tasks.push({ id: 't1' });
    const first = run(`${untilReleased('go')} console.log('{"n": 1}');`);
    await until(() => hub.givenOut.length === 1);
    hub.isAway = true;
    release('go');
    await until(() => outbox().length === 1 && /report waits/.test(first.stderr()));
    first.child.kill('SIGKILL');
    await first.ended;
    hub.isAway = false;
    const second = run('');
    await until(() => hub.said('complete').length === 1);
    second.child.kill('SIGTERM');
    expect(await second.ended).toEqual({ code: 0, signal: null });
    expect(hub.said('complete')[0]!.body).toMatchObject({ result: { n: 1 }, lease: { fence: 7 } });
    expect(outbox()).toEqual([]);
  });

  it('comes back by itself after the hub was away', async () => {
    hub.isAway = true;
    const sidecar = run('', '--tasks', '1');
    await until(() => /does not answer.*again in/.test(sidecar.stderr()));
    hub.isAway = false;
    hub.tasks.push({ id: 't1' });
    await sidecar.ended;
    expect(hub.said('complete')).toHaveLength(1);
  });

  it('hands SIGTERM on, gives the task back, takes no more and ends well', async () => {
    hub.tasks.push({ id: 't1' }, { id: 't2' });
    const file = fileNamed('signal');
    const sidecar = run(
      `import { writeFileSync } from 'node:fs'; process.on('SIGTERM', () => { writeFileSync('${file}.got', '1'); process.exit(143); });
       writeFileSync('${file}', '1'); setInterval(() => {}, 1000);`,
      ...['--concurrency', '1'],
    );
    await pidIn(file);
    sidecar.child.kill('SIGTERM');
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
    expect(existsSync(`${file}.got`)).toBe(true);
    expect(hub.said('release').map((call) => call.path)).toEqual(['/api/tasks/t1/release']);
    expect([hub.said('fail'), hub.said('complete'), hub.givenOut]).toEqual([[], [], ['t1']]);
  });

  it('tells the result of a command that finishes its work on SIGTERM', async () => {
    hub.tasks.push({ id: 't1' });
    const file = fileNamed('started');
    const sidecar = run(
      `import { writeFileSync } from 'node:fs'; process.on('SIGTERM', () => { console.log('{"half": true}'); process.exit(0); });
       writeFileSync('${file}', '1'); setInterval(() => {}, 1000);`,
    );
    await pidIn(file);
    sidecar.child.kill('SIGTERM');
    await sidecar.ended;
    expect(hub.said('complete').map(({ body }) => body['result'])).toEqual([{ half: true }]);
  });

  it('ends a command that ignores SIGTERM, with all it started, after the grace', async () => {
    hub.tasks.push({ id: 't1' });
    const sidecar = run(STUBBORN(fileNamed('pid')), '--grace', '1');
    const grandchild = await pidIn(fileNamed('pid'));
    sidecar.child.kill('SIGTERM');
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
    await until(() => !isAlive(grandchild));
    expect(hub.said('release')).toHaveLength(1);
  });

  it('ends with the npx that started it, which hands no signal on', async () => {
    hub.tasks.push({ id: 't1' });
    const file = fileNamed('pid');
    const [node, program] = cli.program(
      `import { writeFileSync } from 'node:fs'; writeFileSync('${file}', String(process.pid)); setInterval(() => {}, 1000);`,
    );
    const shell = spawn(
      'sh',
      ['-c', `"${node}" houston.mjs agent run --name ${name} --grace 1 -- "${node}" "${program}" & wait`],
      {
        cwd: cli.root,
        env: { PATH: process.env['PATH'], HOUSTON_CONFIG_DIR: cli.configDir, npm_command: 'exec' },
        stdio: 'ignore',
      },
    );
    const command = await pidIn(file);
    shell.kill('SIGKILL');
    await until(() => hub.said('release').length === 1);
    await until(() => !isAlive(command));
  });

  it('gives the task back and ends when the command cannot be started', async () => {
    hub.tasks.push({ id: 't1' });
    const sidecar = cli.run(['agent', 'run', '--name', name, '--', '/nowhere/at-all']);
    expect(await sidecar.ended).toEqual({ code: 1, signal: null });
    expect(sidecar.stderr()).toMatch(/\/nowhere\/at-all cannot be started: ENOENT/);
    expect(hub.said('release')).toHaveLength(1);
    expect(hub.said('fail')).toEqual([]);
  });

  it('ends with a sentence when its key is refused', async () => {
    hub.answers.set('claim', () => ({ status: 401, body: { detail: 'Send a key that is not revoked.' } }));
    const sidecar = run('');
    expect(await sidecar.ended).toEqual({ code: 1, signal: null });
    expect(sidecar.stderr()).toMatch(/refuses this agent: Send a key that is not revoked/);
  });

  it('turns a result that is refused into a failure that says why', async () => {
    hub.answers.set('complete', () => ({
      status: 422,
      body: { code: 'output_schema_mismatch', detail: 'n: is no text' },
    }));
    hub.tasks.push({ id: 't1' });
    await run(`console.log('{"n": 1}')`, '--tasks', '1').ended;
    expect(hub.said('fail').map(({ body }) => body)).toMatchObject([
      { kind: 'transient', errorType: 'output_schema_mismatch', error: 'n: is no text (422)' },
    ]);
    expect(outbox()).toEqual([]);
  });

  it('does not hammer a hub that has nothing to give at once', async () => {
    hub.answers.set('claim', () => ({ status: 204, headers: { 'houston-reason': 'paused' } }));
    const sidecar = run('');
    await until(() => hub.said('claim').length === 1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(hub.said('claim').length).toBeLessThanOrEqual(3);
    sidecar.child.kill('SIGINT');
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
  });
});
