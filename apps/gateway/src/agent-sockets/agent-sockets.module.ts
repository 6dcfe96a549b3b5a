import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectoryModule } from '../agents/agent-directory.module.js';
import { HttpModule } from '../http/http.module.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { SignalsModule } from '../signals/signals.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { ConnectController } from './connect.controller.js';
import { FrameAnswers } from './frame-answers.js';
import { OfferStore } from './offer.store.js';
import { Offers } from './offers.js';
import { Post } from './post.js';
import { SessionCare } from './session-care.js';
import { SessionStore } from './session.store.js';
import { Sessions } from './sessions.js';
import { TicketService } from './ticket.service.js';
import { TicketStore } from './ticket.store.js';
import { Upgrade } from './upgrade.js';
import { Worth } from './worth.js';
import { WorthStore } from './worth.store.js';

/** Agents that are connected by WebSocket. */
@Module({
  imports: [
    ConfigModule,
    DatabaseModule,
    HttpModule,
    SignalsModule,
    AgentDirectoryModule,
    NotificationsModule,
    TasksModule,
  ],
  controllers: [ConnectController],
  providers: [
    Upgrade,
    Sessions,
    SessionCare,
    SessionStore,
    FrameAnswers,
    Offers,
    OfferStore,
    Post,
    TicketService,
    TicketStore,
    Worth,
    WorthStore,
  ],
})
export class AgentSocketsModule {}
