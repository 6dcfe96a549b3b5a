import { markdownTable } from './markdown-table.js';
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
  return markdownTable([['Variable', 'Type', 'Default', 'Meaning'], ...rows]);
}
