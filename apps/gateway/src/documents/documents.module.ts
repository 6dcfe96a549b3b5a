import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AuthorsModule } from '../authors/authors.module.js';
import { DocumentController } from './document.controller.js';
import { DocumentService } from './document.service.js';
import { DocumentStore } from './document.store.js';

@Module({
  imports: [DatabaseModule, AuthorsModule],
  controllers: [DocumentController],
  providers: [DocumentService, DocumentStore],
  exports: [DocumentStore],
})
export class DocumentsModule {}
