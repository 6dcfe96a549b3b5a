import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether a process with this pid exists and has not ended; a zombie has ended. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const fields = await statFields(pid);
  return fields?.[0] !== 'Z' && fields?.[0] !== 'X';
}

/**
 * A text that no other process has, not even a later one with the same pid: the moment it started, in the terms of this
 * boot of the machine. Undefined when there is no such process.
 */
export async function processIdentity(pid: number): Promise<string | undefined> {
  if (!(await isAlive(pid))) return undefined;
  const startTicks = (await statFields(pid))?.[19];
  if (startTicks !== undefined) {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()}/${startTicks}`;
  }
  const started = await ps(pid, 'lstart=');
  return started === '' ? undefined : started;
}

/** The command line of a process, as one text; empty when it cannot be read. */
export async function processArguments(pid: number): Promise<string> {
  return ps(pid, 'command=');
}

/** The fields of /proc/PID/stat after the name, which may hold spaces and brackets itself. */
async function statFields(pid: number): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

async function ps(pid: number, column: string): Promise<string> {
  // ps fails when there is no such process: the answer is then that nothing is known of it.
  return run('ps', ['-o', column, '-p', String(pid)]).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
}
