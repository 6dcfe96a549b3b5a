import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { HttpModule } from '../http/http.module.js';
import { KeyStore } from '../keys/key.store.js';
import { InvitationController } from './invitation.controller.js';
import { InvitationService } from './invitation.service.js';
import { MemberController } from './member.controller.js';
import { MemberService } from './member.service.js';
import { MemberStore } from './member.store.js';

@Module({
  imports: [DatabaseModule, HttpModule],
  controllers: [InvitationController, MemberController],
  providers: [InvitationService, MemberService, MemberStore, KeyStore],
  exports: [MemberStore],
})
export class MembersModule {}
