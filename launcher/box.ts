/** What a person or a script needs to know of a running Houston. */
export interface Running {
  api: string;
  docs: string;
  queues: string;
  metrics: string;
  /** Present only in the run that made it. */
  ownerKey?: string;
  /** Absent when the key was made elsewhere, by an earlier Houston on the same database. */
  ownerKeyFile?: string;
  dataDir: string;
  pid: number;
}

export function runningAt(host: string, port: number): Pick<Running, 'api' | 'docs' | 'queues' | 'metrics'> {
  const anywhere = host === '0.0.0.0' || host === '::';
  const name = anywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  const base = `http://${name}:${port}`;
  return { api: `${base}/api`, docs: `${base}/docs`, queues: `${base}/queues`, metrics: `${base}/metrics` };
}

/** The one box of a start in a terminal. @param notes sentences about what was chosen, such as another port */
export function box(running: Running, notes: readonly string[], color: boolean): string {
  const rows: [string, string][] = [
    ['API', running.api],
    ['Docs', running.docs],
    ['Queues', `${running.queues}   any user, password: the owner key`],
    ['Metrics', running.metrics],
    ['Owner key', ownerKeyLine(running)],
    ['Data', running.dataDir],
    ['Stop', 'Ctrl-C'],
  ];
  const lines = ['Houston is ready.', '', ...rows.map(([name, value]) => `${name.padEnd(11)}${value}`)];
  if (notes.length > 0) lines.push('', ...notes);
  const width = Math.max(...lines.map((line) => line.length));
  const paint = (code: string, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const side = paint('36', '│');
  const body = lines.map((line, index) => {
    const padded = line.padEnd(width);
    return `${side} ${index === 0 ? paint('1', padded) : padded} ${side}`;
  });
  const edge = (left: string, right: string) => paint('36', `${left}${'─'.repeat(width + 2)}${right}`);
  return [edge('╭', '╮'), ...body, edge('╰', '╯')].join('\n');
}

function ownerKeyLine({ ownerKey, ownerKeyFile }: Running): string {
  if (ownerKey !== undefined) return `${ownerKey}${ownerKeyFile === undefined ? '' : `   also in ${ownerKeyFile}`}`;
  return ownerKeyFile === undefined ? 'made earlier, shown only then' : `in ${ownerKeyFile}`;
}
