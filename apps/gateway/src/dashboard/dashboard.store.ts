import { Inject, Injectable } from '@nestjs/common';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';
import type { DashboardState } from './dashboard.view.js';

@Injectable()
export class DashboardStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** One statement: every figure is of the same moment. */
  async state({ organizationId, workspaceId }: WorkspaceScope): Promise<DashboardState> {
    const [row] = await this.db.statement<{ state: DashboardState }>('select dashboard_state($1, $2) as state', [
      organizationId,
      workspaceId,
    ]);
    if (!row) throw new Error('dashboard_state answered nothing');
    return row.state;
  }
}
