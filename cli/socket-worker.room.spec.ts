import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CliFixture, type CliRun } from '../test/support/cli-fixture.js';
import { bodyOf, startGateway, type TestGateway } from '../test/support/gateway.js';
import { until } from '../test/support/until.js';

describe('a sidecar on a socket', () => {
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
    await gateway.app.close();
    await gateway.db.close();
  });
  beforeEach(async () => {
    name = `socket-${(made += 1)}`;
    const flags = ['--hub', gateway.url, '--key', gateway.db.ownerKey, '--capability', name, '--max-concurrent', '2'];
    expect((await cli.run(['agent', 'add', '--name', name, ...flags]).ended).code).toBe(0);
  });
  afterEach(() => cli.killLeftovers());

  const run = (program: string, ...flags: string[]): CliRun =>
    cli.run(['agent', 'run', '--name', name, ...flags, '--', ...cli.program(program)]);
  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const addTask = async () => {
    const body = { title: 'work', requiredCapabilities: [name] };
    return bodyOf<{ id: string }>(await gateway.owner.post('/api/tasks', body), 201).id;
  };
  const statusOf = async (id: string) =>
    (await query<{ status: string }>('select status from tasks where id = $1', [id]))[0]!.status;
  const sessions = () =>
    query<{ max_concurrent: number; last_acknowledged_at: Date | null }>(
      'select s.* from agent_sessions s join agents a on a.id = s.agent_id where a.name = $1',
      [name],
    );
  const fileNamed = (label: string) => path.join(cli.root, `${name}.${label}`);
  const waitingFor = (file: string) =>
    `while (!(await import('node:fs')).existsSync('${file}')) await new Promise((resolve) => setTimeout(resolve, 20));`;
  /** The same address answers again, by a new process in the eyes of the sidecar. */
  const restart = async () => {
    const { port } = new URL(gateway.url);
    const { db } = gateway;
    await gateway.app.close();
    gateway = await startGateway({ db, port: Number(port) });
  };

  it('holds a session, with as many places as it may have, and leaves none behind', async () => {
    const sidecar = run('');
    await until(async () => (await sessions()).length === 1);
    expect(await sessions()).toMatchObject([{ max_concurrent: 2 }]);
    sidecar.child.kill('SIGTERM');
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
    await until(async () => (await sessions()).length === 0);
  });

  it('works over HTTP alone where it is told to', async () => {
    const [id, file] = [await addTask(), fileNamed('go')];
    const sidecar = run(`${waitingFor(file)} console.log('{}')`, '--transport', 'http', '--tasks', '1');
    await until(async () => (await statusOf(id)) === 'in_progress');
    expect(await sessions()).toEqual([]);
    writeFileSync(file, '');
    expect((await sidecar.ended).code).toBe(0);
    expect(await statusOf(id)).toBe('done');
  });

  it('reports what it has done, and comes back for more, when the gateway was restarted meanwhile', async () => {
    const [first, file] = [await addTask(), fileNamed('go')];
    const sidecar = run(`${waitingFor(file)} console.log('{"n": 1}');`, '--tasks', '2', '--concurrency', '1');
    await until(async () => (await statusOf(first)) === 'in_progress');
    await restart();
    writeFileSync(file, '');
    await until(async () => (await statusOf(first)) === 'done');
    const second = await addTask();
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
    expect(await statusOf(second)).toBe('done');
    expect(sidecar.stderr()).toMatch(/the socket is closed: restarting/);
    expect(await query('select kind from task_attempts where task_id = any($1)', [[first, second]])).toEqual([
      { kind: 'succeeded' },
      { kind: 'succeeded' },
    ]);
  });

  it('gives back at once what it was offered and has not begun when it is stopped', async () => {
    const file = fileNamed('begun');
    const program = `import { writeFileSync } from 'node:fs'; writeFileSync('${file}', ''); setInterval(() => {}, 1000);`;
    const sidecar = run(program, '--tasks', '1', '--concurrency', '2', '--grace', '1');
    const ids = [await addTask(), await addTask()];
    await until(() => existsSync(file));
    sidecar.child.kill('SIGTERM');
    expect((await sidecar.ended).code).toBe(0);
    await until(async () => (await Promise.all(ids.map(statusOf))).every((status) => status === 'inbox'));
    expect(await query('select attempts from tasks where id = any($1)', [ids])).toEqual([
      { attempts: 0 },
      { attempts: 0 },
    ]);
  });

  it('ends a command whose task was cancelled, without having asked', async () => {
    const [id, file] = [await addTask(), fileNamed('never')];
    const sidecar = run(waitingFor(file));
    await until(async () => (await statusOf(id)) === 'in_progress');
    bodyOf(await gateway.owner.post(`/api/tasks/${id}/cancel`), 200);
    await until(() => /its lease is lost: Houston has taken it back/.test(sidecar.stderr()), 20_000);
    sidecar.child.kill('SIGTERM');
    expect(await sidecar.ended).toEqual({ code: 0, signal: null });
    expect(await statusOf(id)).toBe('cancelled');
  });

  it('leaves to others at once what it had not begun when it is killed, and what it works on until its lease ends', async () => {
    const file = fileNamed('never');
    const sidecar = run(waitingFor(file), '--concurrency', '2');
    const ids = [await addTask()];
    await until(async () => (await statusOf(ids[0]!)) === 'in_progress');
    sidecar.child.kill('SIGSTOP');
    ids.push(await addTask());
    const statuses = async () => (await Promise.all(ids.map(statusOf))).sort();
    await until(async () => (await statuses()).join() === 'assigned,in_progress');
    sidecar.child.kill('SIGKILL');
    await until(async () => (await statuses()).join() === 'in_progress,inbox');
    expect(
      await query('select kind from task_attempts where task_id = any($1) and ended_at is not null', [ids]),
    ).toEqual([{ kind: 'released' }]);
  });
});
