import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { Authenticator } from './authenticator.js';
import { CallerGuard } from './caller.guard.js';
import { CallerStore } from './caller.store.js';
import { Farewell } from './farewell.js';
import { FailedLogins } from './failed-logins.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { IdempotencyStore } from './idempotency.store.js';
import { ProblemFilter } from './problem.filter.js';
import { validationPipe } from './validation.js';

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
    { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
    { provide: APP_PIPE, useFactory: validationPipe },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
  exports: [Farewell, Authenticator],
})
export class HttpModule {}
