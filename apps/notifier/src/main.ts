import { runService } from '@houston/common/telemetry/run-service.js';
import { NotifierModule } from './notifier.module.js';

await runService({ name: 'notifier', module: NotifierModule });
