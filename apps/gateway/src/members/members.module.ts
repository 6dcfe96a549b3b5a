import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { KeyStore } from '../keys/key.store.js';
import { MemberController } from './member.controller.js';
import { MemberService } from './member.service.js';
import { MemberStore } from './member.store.js';

@Module({
  imports: [DatabaseModule],
  controllers: [MemberController],
  providers: [MemberService, MemberStore, KeyStore],
  exports: [MemberStore],
})
export class MembersModule {}
