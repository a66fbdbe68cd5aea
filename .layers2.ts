import { openInstance } from './src/cli/instance.ts'
import { readConfig } from './src/config.ts'
import { apply } from './src/cli/run.ts'
import { readManifest } from './src/management/manifest/read.ts'
import { Gate } from './src/gate/gate.ts'
import { deploymentDoor } from './src/protocols/hopsworks/door.ts'
import { callServer } from './src/protocols/hopsworks/server.ts'
import { identify } from './src/telemetry/identity.ts'
const {config}=readConfig(['--data-dir',process.argv[2]!,'--port','0'],{})
const inst=openInstance(config)
await apply(inst, readManifest(process.argv[3]!))
const {keys,publisher,fleet}=inst.context
const gate=new Gate(keys,publisher.registry)
let srv:any
const link={peer:(r:Request)=>srv.requestIP(r)?.address??'',keepOpen(){},upgrade:()=>false}
const servers={maxBody:1e9,requestTimeout:30000,trustedProxies:[],scheme:'http' as const,cors:false}
const door=deploymentDoor(gate,{} as any,fleet,link,{maxBody:1e9,hostDomain:'',servers})
const s1=Bun.serve({port:0,hostname:'127.0.0.1',fetch:r=>door.byPath(r,()=>'127.0.0.1')})

const link2={...link,peer:()=>'127.0.0.1'}
const door2=deploymentDoor(gate,{} as any,fleet,link2,{maxBody:1e9,hostDomain:'',servers})
srv=s1
const s2=Bun.serve({port:0,hostname:'127.0.0.1',fetch:r=>door2.byPath(r,()=>'127.0.0.1')})
const s3=Bun.serve({port:0,hostname:'127.0.0.1',routes:{'/v1/*':r=>door2.byPath(r,()=>'127.0.0.1')},fetch:()=>new Response('x')})
console.log([inst.url.split(':').pop(),s1.port,s2.port,s3.port].join(' '))
