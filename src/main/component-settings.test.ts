import { describe, expect, it } from 'vitest';
import { type ComponentOptions, componentSettings } from './component-settings.ts';
import { UserError } from './user-error.ts';

const none: ComponentOptions = {
  enableAdmissionPlugins: [],
  disableAdmissionPlugins: [],
  allowPrivileged: true,
  controllers: '*',
  featureGates: '',
  runtimeConfig: '',
};

describe('componentSettings', () => {
  it('hands on what was asked for', () => {
    const found = componentSettings({
      ...none,
      disableAdmissionPlugins: ['ServiceAccount'],
      allowPrivileged: false,
      controllers: '*,-podgc',
      runtimeConfig: 'events.k8s.io/v1=false',
    });
    expect(found.admissionPlugins.has('ServiceAccount')).toBe(false);
    expect(found.kinds.some(({ group }) => group === 'events.k8s.io')).toBe(false);
    expect(found).toMatchObject({ allowPrivileged: false, controllers: '*,-podgc' });
  });

  it.each<[Partial<ComponentOptions>, string]>([
    [{ enableAdmissionPlugins: ['X'] }, '--enable-admission-plugins: enable-admission-plugins plugin "X" is unknown'],
    [{ controllers: '*,-x' }, '--controllers: "x" is not in the list of known controllers'],
    [{ featureGates: 'X=true' }, '--feature-gates: unrecognized feature gate: X'],
    [{ runtimeConfig: 'x/v1=true' }, '--runtime-config: unknown api groups x'],
  ])('says which option is wrong: %j', (options, message) => {
    expect(() => componentSettings({ ...none, ...options })).toThrow(new UserError(message));
  });
});
