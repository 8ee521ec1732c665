import 'reflect-metadata';
import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { type EchoPlace, readArgument } from './echo-place.ts';
import { serveUntilStopped } from './serve-load.ts';

/** NestJS's echo as its documentation has it; decorators are called by hand, for Node strips types and nothing more. */
const open = async ({ brokers, requests, groupId }: EchoPlace): Promise<() => Promise<void>> => {
  class Echo {
    echo(payload: unknown): unknown {
      return payload;
    }
  }
  class App {}
  Controller()(Echo);
  MessagePattern(requests)(Echo.prototype, 'echo', descriptorOf(Echo.prototype, 'echo'));
  Reflect.defineMetadata('controllers', [Echo], App);
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(App, {
    transport: Transport.KAFKA,
    logger: ['error'],
    options: { client: { clientId: 'nest', brokers: [...brokers] }, consumer: { groupId } },
  });
  await app.listen();
  return () => app.close();
};

const descriptorOf = (target: object, name: string): PropertyDescriptor => {
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  if (descriptor === undefined) throw new Error(`there is no ${name}`);
  return descriptor;
};

await serveUntilStopped(() => open(readArgument<EchoPlace>()));
