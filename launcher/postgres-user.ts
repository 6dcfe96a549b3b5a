import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Who runs the database server, and how a program is started as that user. */
export interface PostgresUser {
  /** Absent when the server runs as the current user. */
  ids?: { uid: number; gid: number };
  command(program: string, args: readonly string[]): Command;
}

export interface Command {
  file: string;
  args: string[];
  uid?: number;
  gid?: number;
}

const ourselves: PostgresUser = { command: (file, args) => ({ file, args: [...args] }) };

/**
 * Postgres refuses to run as root. As root it is started as the user `postgres`, who is created when missing.
 *
 * That user must reach both the programs and the data, which a folder such as /root (mode 0700) prevents. The server
 * then gets one capability, to pass closed folders, rather than the folders being opened for everyone.
 * @param program any program of the Postgres package; @param dir an existing folder that the server must reach
 * @throws when nothing helps, naming what does.
 */
export async function postgresUser(program: string, dir: string): Promise<PostgresUser> {
  if (process.getuid?.() !== 0) return ourselves;
  const ids = await systemUser('postgres');
  const plain: PostgresUser = { ids, command: (file, args) => ({ file, args: [...args], ...ids }) };
  if (reaches(plain, program, dir)) return plain;
  const capable = ['dac_read_search', 'dac_override'].map((capability) => withCapability(ids, capability));
  const found = capable.find((user) => starts(user, program));
  if (found !== undefined) return found;
  throw new Error(
    `Running as root, Postgres must run as the user "postgres", who cannot reach ${dir} or ${program}. ` +
      'Run as an ordinary user, move to a folder all can enter, or set DATABASE_URL.',
  );
}

function withCapability(ids: { uid: number; gid: number }, capability: string): PostgresUser {
  const options = [
    `--reuid=${ids.uid}`,
    `--regid=${ids.gid}`,
    '--clear-groups',
    // Else the kernel ignores the capability in access(2), which Postgres asks about its own program.
    '--securebits=+no_setuid_fixup',
    `--inh-caps=-all,+${capability}`,
    `--ambient-caps=+${capability}`,
    `--bounding-set=-all,+${capability}`,
  ];
  return { ids, command: (file, args) => ({ file: 'setpriv', args: [...options, file, ...args] }) };
}

function reaches(user: PostgresUser, program: string, dir: string): boolean {
  return succeeds(user.command('/bin/sh', ['-c', 'test -x "$1" && cd "$2"', 'sh', program, dir]));
}

function starts(user: PostgresUser, program: string): boolean {
  return succeeds(user.command(program, ['--version']));
}

function succeeds({ file, args, ...as }: Command): boolean {
  return spawnSync(file, args, { ...as, cwd: '/', stdio: 'ignore', timeout: 10_000 }).status === 0;
}

async function systemUser(name: string): Promise<{ uid: number; gid: number }> {
  const known = await idsOf(name);
  if (known !== undefined) return known;
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name]).catch(
    async (error: unknown) => {
      // Two starts at once may both find the user missing; the second creation fails, and the user is there.
      if ((await idsOf(name)) === undefined)
        throw new Error(`Running as root, and the user "${name}" for Postgres could not be created.`, { cause: error });
    },
  );
  const created = await idsOf(name);
  if (created === undefined) throw new Error(`The user "${name}" for Postgres was created but is not found.`);
  return created;
}

async function idsOf(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const id = async (flag: string) => Number((await run('id', [flag, name])).stdout);
  // id fails when there is no such user.
  return Promise.all([id('-u'), id('-g')]).then(
    ([uid, gid]) => ({ uid, gid }),
    () => undefined,
  );
}
