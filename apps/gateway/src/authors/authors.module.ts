import { Module } from '@nestjs/common';
import { AuthorStore } from './author.store.js';

@Module({ providers: [AuthorStore], exports: [AuthorStore] })
export class AuthorsModule {}
