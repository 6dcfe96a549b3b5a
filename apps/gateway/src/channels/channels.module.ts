import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { ChannelController } from './channel.controller.js';
import { ChannelService } from './channel.service.js';
import { ChannelStore } from './channel.store.js';

@Module({
  imports: [ConfigModule, DatabaseModule],
  controllers: [ChannelController],
  providers: [ChannelService, ChannelStore],
  exports: [ChannelStore],
})
export class ChannelsModule {}
