import { Inject, Injectable, Logger } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { lookAtDue } from '@houston/common/escalation/due-looks.js';
import { type Evaluation, evaluateTask } from '@houston/common/escalation/evaluate-task.js';
import { enabledRules, mark } from '@houston/common/escalation/watch.store.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/problem.js';
import type { CheckView, EvaluatedRuleView, EvaluationView } from './check.view.js';

const PATIENCE_MS = 10_000;

/** Looks now, because somebody asks. It is the same look as at any other time, and fires nothing that would not fire anyway. */
@Injectable()
export class CheckService {
  private readonly log = new Logger('escalation');

  constructor(@Inject(Database) private readonly db: Database) {}

  async all(caller: Caller): Promise<CheckView> {
    const { organizationId, workspaceId } = caller;
    await this.db.inWorkspace(caller, async (tx) => {
      const rules = await enabledRules(tx, [workspaceId]);
      await mark(
        tx,
        rules.map((rule) => ({ workspace_id: workspaceId, kind: 'rule', subject_id: rule.id })),
      );
    });
    const counts = { looked: 0, raised: 0, resolved: 0 };
    for (const end = performance.now() + PATIENCE_MS; performance.now() < end;) {
      const turn = await lookAtDue(this.db, { organizationId, workspaceId }, (watch, error) =>
        this.log.error({ msg: 'a rule could not be held against its subject; it is put off', ...watch, err: error }),
      );
      counts.looked += turn.looked;
      counts.raised += turn.raised;
      counts.resolved += turn.resolved;
      if (turn.noted + turn.looked === 0) return { ...counts, finished: true };
    }
    return { ...counts, finished: false };
  }

  /** @throws Problem not_found */
  async task(caller: Caller, taskId: string): Promise<EvaluationView> {
    const items = await this.db.inOrganization(caller.organizationId, (tx) =>
      evaluateTask(tx, caller.workspaceId, taskId),
    );
    if (items === null) throw notFound();
    return { taskId, items: items.map(evaluatedView) };
  }
}

function evaluatedView({ rule, holds, from, fired, level, escalationId, problem }: Evaluation): EvaluatedRuleView {
  return {
    ...{ ruleId: rule.id, name: rule.name, holds, fired, level, escalationId, conditionProblem: problem },
    at: from?.toISOString() ?? null,
  };
}
