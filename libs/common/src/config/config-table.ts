import type { Setting } from './setting.js';
import { SETTINGS } from './settings.js';

/** The configuration as a Markdown table, for the README; one row per setting. */
export function configTable(): string {
  const settings: readonly Setting<unknown>[] = Object.values(SETTINGS);
  const rows = settings.map((setting) => [
    `\`${setting.env}\``,
    setting.unit === undefined ? setting.type : `${setting.type} (${setting.unit})`,
    setting.default === undefined ? (setting.defaultNote ?? '') : `\`${setting.default}\``,
    setting.meaning,
  ]);
  return table([['Variable', 'Type', 'Default', 'Meaning'], ...rows]);
}

/** Columns are padded as the formatter would, so that the generated text passes its check. */
function table(rows: readonly (readonly string[])[]): string {
  const header = rows[0] ?? [];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(header), rule, ...rows.slice(1).map(line)].join('\n');
}
