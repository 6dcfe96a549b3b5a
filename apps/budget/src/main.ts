import { runService } from '@houston/common/telemetry/run-service.js';
import { BudgetModule } from './budget.module.js';

await runService({ name: 'budget', module: BudgetModule });
