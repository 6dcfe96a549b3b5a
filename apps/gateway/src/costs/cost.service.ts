import { Inject, Injectable } from '@nestjs/common';
import { DateTime } from 'luxon';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import { invalid, Problem } from '../http/problem.js';
import { timeParam } from '../http/time-param.js';
import type { CostsQuery, CostsView } from './cost.dto.js';
import { type CostQuestion, CostStore } from './cost.store.js';
import { costsView } from './cost.view.js';

const DEFAULT_DAYS = 30;
const MAX_ROWS = 10_000;
/** No agent has it. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** What was spent, grouped as asked. */
@Injectable()
export class CostService {
  constructor(
    @Inject(CostStore) private readonly store: CostStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  /** @throws Problem invalid_values, forbidden */
  async costs(caller: Caller, query: CostsQuery): Promise<CostsView> {
    refuseBeyondReach(caller, query);
    const agentId =
      query.agent === undefined
        ? undefined
        : ((await this.agents.find(caller.organizationId, query.agent))?.id ?? NOBODY);
    const { groupBy, model, provider, trigger } = query;
    const timezone = query.timezone ?? caller.workspace.timezone;
    const scope = query.scope === 'organization' ? { organizationId: caller.organizationId } : caller;
    const { question, groups } = await this.store.sum(scope, (now) => ({
      ...spanOf(query, timezone, now),
      timezone,
      groupBy,
      agentId,
      model,
      provider,
      trigger,
      // One more than may be answered, and the line of the span before.
      limit: MAX_ROWS + 2,
    }));
    if (groups.length > MAX_ROWS + 1) {
      throw invalid('groupBy', `This makes more than ${MAX_ROWS} rows: choose a shorter span or a coarser grouping.`);
    }
    const column = groupBy.indexOf('agent');
    const ids = groups.map((group) => (column === 0 ? group.first_key : group.second_key));
    const names = column < 0 ? [] : ids.filter((id) => id !== null);
    return costsView(question, groups, await this.agents.names(caller.organizationId, names));
  }
}

function refuseBeyondReach(caller: Caller, { scope, groupBy }: CostsQuery): void {
  if (scope === 'organization' && caller.keyWorkspaceId !== null) {
    throw new Problem('forbidden', { detail: 'This key is bound to a workspace and sees its costs only.' });
  }
  if (groupBy.includes('workspace') && scope !== 'organization') {
    throw invalid('groupBy', 'Grouping by workspace needs scope=organization.');
  }
}

function spanOf({ from, to }: CostsQuery, timezone: string, now: Date): Pick<CostQuestion, 'from' | 'to'> {
  const end = to === undefined ? DateTime.fromJSDate(now, { zone: timezone }) : timeParam('to', to, timezone);
  const start = from === undefined ? end.minus({ days: DEFAULT_DAYS }) : timeParam('from', from, timezone);
  if (start >= end) throw invalid('from', 'The span must begin before it ends.');
  return { from: start.toJSDate(), to: end.toJSDate() };
}
