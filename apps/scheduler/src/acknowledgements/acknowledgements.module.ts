import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { MessageCleaner } from './message-cleaner.js';
import { SilenceStore } from './silence.store.js';
import { Unacknowledged } from './unacknowledged.js';

/** Direct messages that nobody answers, and those that are old. */
@Module({ imports: [DatabaseModule], providers: [SilenceStore, Unacknowledged, MessageCleaner] })
export class AcknowledgementsModule {}
