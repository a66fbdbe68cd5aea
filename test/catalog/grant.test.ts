import { describe, expect, test } from 'bun:test'
import {
  adminGrant,
  type Grant,
  publicGrant,
  reachesDeployment,
  reachesEndpoint,
  reachesService,
} from '../../src/catalog/grant.ts'

const flights = { assetId: 1, projectId: 1, key: 'flights' }
const sales = { assetId: 2, projectId: 1, key: 'flights-2' }
const foreign = { assetId: 3, projectId: 2, key: 'flights3' }
const grant = (changes: Partial<Grant>): Grant => ({ ...adminGrant(1), keyId: 1, ...changes })
const set = (...names: string[]) => new Set(names)

/** what the grant is -> the services, endpoints and deployments that it reaches, of all there are */
const TABLE: [string, Grant, { services: string[]; endpoints: string[]; deployments: string[] }][] = [
  [
    'a service key',
    grant({ assetId: 1 }),
    { services: ['flights'], endpoints: ['flights.a', 'flights.b', 'flights.constructor'], deployments: [] },
  ],
  [
    'a service key with endpoints',
    grant({ assetId: 1, allowedEndpoints: set('a') }),
    { services: ['flights'], endpoints: ['flights.a'], deployments: [] },
  ],
  [
    'a service key whose endpoints are written as a project key writes them',
    grant({ assetId: 1, allowedEndpoints: set('flights.a') }),
    { services: ['flights'], endpoints: [], deployments: [] },
  ],
  [
    "a service key never reaches by a project key's lists",
    grant({
      assetId: 1,
      allowedEndpoints: set('b'),
      allowedServices: set('flights', 'flights-2'),
      allowedDeployments: set('late'),
    }),
    { services: ['flights'], endpoints: ['flights.b'], deployments: [] },
  ],
  [
    'a project key',
    grant({}),
    {
      services: ['flights', 'flights-2'],
      endpoints: [
        'flights.a',
        'flights.b',
        'flights.constructor',
        'flights-2.a',
        'flights-2.b',
        'flights-2.constructor',
      ],
      deployments: ['late'],
    },
  ],
  [
    'a project key with services',
    grant({ allowedServices: set('flights-2') }),
    { services: ['flights-2'], endpoints: ['flights-2.a', 'flights-2.b', 'flights-2.constructor'], deployments: [] },
  ],
  [
    'a project key with endpoints',
    grant({ allowedEndpoints: set('flights.b') }),
    { services: ['flights'], endpoints: ['flights.b'], deployments: [] },
  ],
  [
    'a project key with an endpoint of no service',
    grant({ allowedEndpoints: set('a') }),
    { services: [], endpoints: [], deployments: [] },
  ],
  [
    'a project key with deployments',
    grant({ allowedDeployments: set('late') }),
    { services: [], endpoints: [], deployments: ['late'] },
  ],
  [
    'a project key with some of each',
    grant({ allowedServices: set('flights-2'), allowedEndpoints: set('flights.a'), allowedDeployments: set('late') }),
    {
      services: ['flights', 'flights-2'],
      endpoints: ['flights.a', 'flights-2.a', 'flights-2.b', 'flights-2.constructor'],
      deployments: ['late'],
    },
  ],
  [
    "another project's services, listed by name",
    grant({ allowedServices: set('flights3'), allowedEndpoints: set('flights3.a') }),
    { services: [], endpoints: [], deployments: [] },
  ],
  [
    'the public of a service',
    publicGrant(flights),
    { services: ['flights'], endpoints: ['flights.a', 'flights.b', 'flights.constructor'], deployments: [] },
  ],
]

describe('what a grant reaches', () => {
  for (const [what, of, reached] of TABLE)
    test(what, () => {
      const services = [flights, sales, foreign]
      const ids = ['a', 'b', 'constructor']
      expect({
        services: services.filter(s => reachesService(of, s)).map(s => s.key),
        endpoints: services.flatMap(s => ids.filter(id => reachesEndpoint(of, s, id)).map(id => `${s.key}.${id}`)),
        deployments: [1, 2].filter(project => reachesDeployment(of, project, 'late')).map(() => 'late'),
      }).toEqual(reached)
    })

  test('the public is masked and sees nothing above medium, a dry-run sees everything raw', () => {
    expect(publicGrant(flights)).toMatchObject({
      keyId: null,
      masked: true,
      sensitivityMax: 'medium',
      manageModels: false,
    })
    expect(adminGrant(1)).toMatchObject({ keyId: null, masked: false, sensitivityMax: 'critical', manageModels: false })
  })
})
