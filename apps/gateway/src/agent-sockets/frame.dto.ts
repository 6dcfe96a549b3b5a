import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsInt, IsString, IsUUID, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { Transform } from 'class-transformer';
import { MayBeAbsent } from '../http/optional.js';
import { BlockDto, CompleteDto, FailDto, HeartbeatDto, LeasedDto, ReleaseDto } from '../tasks/work.dto.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_TASKS = 1_000;

export class InstanceCapability {
  @IsString()
  @NotBlank()
  @MaxLength(100)
  name: string;

  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(5)
  level?: number;
}

/** The first frame of a connection: who is there. */
export class HelloFrame {
  /** Id or name. */
  @IsString()
  @NotBlank()
  @MaxLength(200)
  agentId: string;

  /** Tells the processes of an agent apart; a second connection of the same one takes the place of the first. */
  @IsString()
  @NotBlank()
  @MaxLength(200)
  instanceId: string;

  /** What this process has of the agent's capabilities. Default: all. */
  @MayBeAbsent()
  @Transform(({ value }: { value: unknown }) => (Array.isArray(value) ? value.map(capability) : value))
  @IsArray()
  @ArrayMaxSize(200)
  @ValidateNested({ each: true })
  capabilities?: InstanceCapability[];

  /** Tasks that this process takes at once. Default: as many as its agent may have. */
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(1_000)
  maxConcurrent?: number;
}

export class AckFrame extends LeasedDto {
  @IsUUID()
  taskId: string;
}

export class HeartbeatTask extends HeartbeatDto {
  @IsUUID()
  taskId: string;
}

export class HeartbeatFrame {
  /** The last task that reached it. */
  @MayBeAbsent()
  @IsUUID()
  lastTaskId?: string;

  @IsArray()
  @ArrayMaxSize(MAX_TASKS)
  @ValidateNested({ each: true })
  @Type(() => HeartbeatTask)
  tasks: HeartbeatTask[] = [];
}

export class ResultFrame extends CompleteDto {
  @IsUUID()
  taskId: string;
}

export class FailFrame extends FailDto {
  @IsUUID()
  taskId: string;
}

export class BlockFrame extends BlockDto {
  @IsUUID()
  taskId: string;
}

export class ReleaseFrame extends ReleaseDto {
  @IsUUID()
  taskId: string;
}

/** A bare name stands for the capability at the level that is registered. */
function capability(value: unknown): unknown {
  if (typeof value === 'string') return Object.assign(new InstanceCapability(), { name: value });
  return typeof value === 'object' && value !== null ? Object.assign(new InstanceCapability(), value) : value;
}
