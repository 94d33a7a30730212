// An operator as the framework's documentation has it: a Greeting gets a config map and a status, and takes the config map with it.
import { join } from 'node:path';
import framework from '@dot-i/k8s-operator';

const { default: Operator, ResourceEventType } = framework;
const finalizer = 'operator.peapod.test/cleanup';

class GreetingOperator extends Operator {
  async init() {
    const { group, versions, plural } = await this.registerCustomResourceDefinition(
      join(import.meta.dirname, 'greetings.yaml'),
    );
    await this.watchResource(group, versions[0].name, plural, async (event) => {
      if (event.type === ResourceEventType.Deleted) return;
      if (await this.handleResourceFinalizer(event, finalizer, (gone) => this.remove(gone))) return;
      await this.reconcile(event);
    });
    console.log('watching');
  }

  async reconcile({ object, meta }) {
    if (object.status?.observedGeneration === object.metadata.generation) return;
    const body = {
      metadata: { name: `greeting-${meta.name}` },
      data: { text: `hello ${object.spec.name}` },
    };
    try {
      await this.k8sApi.replaceNamespacedConfigMap(body.metadata.name, meta.namespace, body);
    } catch (error) {
      if (error.statusCode !== 404) throw error;
      await this.k8sApi.createNamespacedConfigMap(meta.namespace, body);
    }
    await this.patchResourceStatus(meta, { phase: 'Said', observedGeneration: object.metadata.generation });
  }

  async remove({ meta }) {
    await this.k8sApi.deleteNamespacedConfigMap(`greeting-${meta.name}`, meta.namespace);
  }
}

const operator = new GreetingOperator();
await operator.start();
process.on('SIGTERM', () => {
  operator.stop();
  process.exit(0);
});
