import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';

const MAX_ORGANIZATIONS = 50;
const MAX_COUNT = 10_000;
const MAX_PROCESSES = 200;

export interface HouseFigures {
  lags: { reader: string; lagSeconds: number }[];
  processes: { service: string; instance: string; seenSeconds: number; rssBytes: number }[];
  deliveriesPending: number;
  deadLettersOpen: number;
}

interface OrganizationFigures {
  relay: number;
  fanOut: number;
  seal: number;
  rollups: number;
  deliveries: number;
  letters: number;
}

/** How long the oldest event after a place has been there; one step along the primary key. */
const AGE_AFTER = (place: string) => `
  coalesce((select greatest(extract(epoch from clock_timestamp() - e.time), 0) from events e
             where e.organization_id = $1 and (e.position, e.seq) > (${place})
             order by e.position, e.seq limit 1), 0)::float8`;
const CURSOR = (column: string, reader: string) =>
  `coalesce((select ${column} from event_cursors where organization_id = $1 and reader = '${reader}'), 0)`;
/** The event that some webhooks of a workspace are still to be told of, and that has waited longest for it. */
const AGE_OF_FAN_OUT = `
  coalesce((select greatest(extract(epoch from clock_timestamp() - e.time), 0)
              from (select position, seq from webhook_fan_outs where organization_id = $1 order by position, seq limit 1) f
              join events e on e.organization_id = $1 and e.position = f.position and e.seq = f.seq), 0)::float8`;
const SEAL = (expression: string) =>
  `coalesce((select ${expression} from event_seals where organization_id = $1 order by number desc limit 1), 0)`;
const COUNT = (rows: string) => `(select count(*)::int from (select 1 from ${rows} limit ${MAX_COUNT}) t)`;

const FIGURES = `
  select ${AGE_AFTER(`${CURSOR('position', 'relay')}, ${CURSOR('seq', 'relay')}`)} as relay,
         ${AGE_OF_FAN_OUT} as "fanOut",
         ${AGE_AFTER(`${CURSOR('position', 'rollups')}, ${CURSOR('seq', 'rollups')}`)} as rollups,
         ${AGE_AFTER(`${SEAL('last_position')}, ${SEAL('seqs[cardinality(seqs)]')}`)} as seal,
         ${COUNT(`deliveries where organization_id = $1 and status = 'pending'`)} as deliveries,
         ${COUNT(`dead_letters where organization_id = $1 and status = 'open'`)} as letters`;

/** Figures of the house, each found by an index and bounded. */
@Injectable()
export class GaugeStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** Over the first 50 organizations: lags are the worst, counts the sum. */
  async read(): Promise<HouseFigures> {
    const processes = await this.processes();
    const organizations = (await this.db.organizationIds()).slice(0, MAX_ORGANIZATIONS);
    const figures: OrganizationFigures[] = [];
    for (const id of organizations) figures.push(await this.db.inOrganization(id, figuresOf));
    const worst = (reader: string, of: 'relay' | 'fanOut' | 'seal' | 'rollups') => ({
      reader,
      lagSeconds: Math.max(0, ...figures.map((one) => one[of])),
    });
    return {
      lags: [worst('relay', 'relay'), worst('webhooks', 'fanOut'), worst('seal', 'seal'), worst('rollups', 'rollups')],
      processes,
      deliveriesPending: figures.reduce((sum, one) => sum + one.deliveries, 0),
      deadLettersOpen: figures.reduce((sum, one) => sum + one.letters, 0),
    };
  }

  private processes(): Promise<HouseFigures['processes']> {
    return this.db.statement(
      `select name as service, instance, extract(epoch from now() - beat_at)::float8 as "seenSeconds",
              coalesce((stats ->> 'rssBytes')::float8, 0) as "rssBytes"
         from processes order by name, instance limit ${MAX_PROCESSES}`,
    );
  }
}

async function figuresOf(tx: Tx): Promise<OrganizationFigures> {
  await tx.query(`select set_config('enable_sort', 'off', true)`);
  const [row] = await tx.query<OrganizationFigures>(FIGURES, [tx.organizationId]);
  if (!row) throw new Error('The figures of an organization have no row');
  return row;
}
