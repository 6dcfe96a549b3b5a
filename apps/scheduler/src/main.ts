import { runService } from '@houston/common/telemetry/run-service.js';
import { SchedulerModule } from './scheduler.module.js';

await runService({ name: 'scheduler', module: SchedulerModule });
