import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { NOTIFICATION_CHANNELS, type NotificationChannel } from '@houston/common/domain/notification-plan.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { NOTIFICATION_STATUSES } from './notification.row.js';

export class NotificationsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: NOTIFICATION_STATUSES })
  @MayBeAbsent()
  @IsIn(NOTIFICATION_STATUSES)
  status?: (typeof NOTIFICATION_STATUSES)[number];

  @ApiPropertyOptional({ enum: NOTIFICATION_CHANNELS })
  @MayBeAbsent()
  @IsIn(NOTIFICATION_CHANNELS)
  channel?: NotificationChannel;
}

export class InboxQuery extends PageQuery {
  @ApiPropertyOptional({ enum: ['true', 'false'], description: '`true`: only what was not read yet' })
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  unread?: 'true' | 'false';

  @ApiPropertyOptional({ enum: ['true', 'false'], default: 'false', description: '`true`: what was archived, instead' })
  @MayBeAbsent()
  @IsIn(['true', 'false'])
  archived?: 'true' | 'false';
}
