import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { Authenticator } from './authenticator.js';
import { CallerGuard } from './caller.guard.js';
import { CallerStore } from './caller.store.js';
import { Farewell } from './farewell.js';
import { FailedLogins } from './failed-logins.js';
import { IdempotencyGuard } from './idempotency.guard.js';
import { IdempotencyStore } from './idempotency.store.js';
import { ProblemFilter } from './problem.filter.js';
import { ValidationPipe } from './validation.js';

/** What every request passes: who calls, whether it may, whether it was asked before, whether its values are valid. */
@Module({
  imports: [DatabaseModule],
  providers: [
    Authenticator,
    CallerStore,
    FailedLogins,
    Farewell,
    IdempotencyStore,
    { provide: APP_GUARD, useClass: CallerGuard },
    // After the caller is known.
    { provide: APP_GUARD, useClass: IdempotencyGuard },
    { provide: APP_PIPE, useClass: ValidationPipe },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
  exports: [Farewell, FailedLogins, Authenticator],
})
export class HttpModule {}
