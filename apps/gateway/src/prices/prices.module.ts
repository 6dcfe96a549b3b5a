import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { PriceController } from './price.controller.js';
import { PriceService } from './price.service.js';
import { PriceStore } from './price.store.js';

@Module({ imports: [DatabaseModule], controllers: [PriceController], providers: [PriceService, PriceStore] })
export class PricesModule {}
