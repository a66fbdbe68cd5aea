import { openInstance } from './src/cli/instance.ts'
import { readConfig } from './src/config.ts'
import { apply } from './src/cli/run.ts'
import { readManifest } from './src/management/manifest/read.ts'
import { Gate } from './src/gate/gate.ts'
import { deploymentDoor } from './src/protocols/hopsworks/door.ts'
import { callServer } from './src/protocols/hopsworks/server.ts'
import { identify, newTraceparent } from './src/telemetry/identity.ts'
import { requestHead } from './src/deployments/outgoing.ts'
import { parseAnswerHead } from './src/deployments/wire/head.ts'
import { answerOf } from './src/deployments/answer.ts'
import { Upload } from './src/deployments/upload.ts'
const ANSWER=Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=utf-8\r\nDate: Wed, 25 Nov 2026 18:35:32 GMT\r\nContent-Length: 200\r\n\r\n'+'x'.repeat(200))
;(Bun as any).connect=async (o:any)=>{ const s:any={data:o.data,terminate(){},end(){},pause(){},resume(){},localPort:1,write(b:any){ queueMicrotask(()=>o.socket.data(s,ANSWER)); return b.length}}; return s }
const {config}=readConfig(['--data-dir',process.argv[2]!,'--port','0'],{})
const inst=openInstance(config)
await apply(inst, readManifest(process.argv[3]!))
const {keys,publisher,fleet}=inst.context
const gate=new Gate(keys,publisher.registry)
const link={peer:(r:Request)=>'127.0.0.1',keepOpen(){},upgrade:()=>false}
const servers={maxBody:1e9,requestTimeout:30000,trustedProxies:[],scheme:'http' as const,cors:false}
const door=deploymentDoor(gate,{} as any,fleet,link,{maxBody:1e9,hostDomain:'',servers})
const dep=publisher.registry.deployment('bench','up')!
const request=new Request('http://127.0.0.1:8080/v1/bench/up/predict',{headers:{host:'127.0.0.1:8080','x-api-key':process.env.BENCH_KEY!,'user-agent':'wrk','accept':'*/*'}})
const to:any={target:'/predict',host:'127.0.0.1:1',prefix:'/v1/bench/up',peer:'127.0.0.1',scheme:'http',trusted:false,requestId:'abc',traceparent:newTraceparent(),withheld:['x-api-key']}
const head=parseAnswerHead(ANSWER.subarray(0,ANSWER.indexOf('\r\n\r\n')).toString('latin1'),'GET')
const body=ANSWER.subarray(-200)
const id=identify(request.headers)
async function bench(name:string,f:()=>any,n=100000){ let best=1e9; for(let r=0;r<7;r++){ const a=process.cpuUsage(); for(let i=0;i<n;i++){ const x=f(); if(x instanceof Promise) await x } const b=process.cpuUsage(a); best=Math.min(best,b.user/n) } console.log(name.padEnd(22),best.toFixed(2),'us') }
// await bench('empty promise',async()=>1)
// await bench('headers.get',()=>request.headers.get('x-api-key'))
// await bench('headers.get miss',()=>request.headers.get('x-nothing'))
// await bench('headers.forEach',()=>{let n=0;request.headers.forEach(()=>{n++});return n})
// await bench('identify',()=>identify(request.headers))
// await bench('newTraceparent',()=>newTraceparent())
// await bench('gate',()=>gate.admitDeployment(request.headers,()=>'1','bench','up'))
// await bench('Upload.of',()=>Upload.of(request,1e9))
// await bench('requestHead',()=>requestHead(request,to,''))
const headText=ANSWER.subarray(0,ANSWER.indexOf('\r\n\r\n'))
// await bench('parse head',()=>parseAnswerHead(headText.toString('latin1'),'GET'))
// await bench('answerOf',()=>answerOf(head,'GET',{headers:id.headers,cors:false},body))
// await bench('new Response(body)',()=>new Response(body as any,{status:200,headers:[['content-type','text/plain'],['x-request-id','abc'],['date','x']]}))
await bench('callServer',()=>callServer({request,deployment:dep,prefix:'/v1/bench/up',path:'/predict',identity:id,limit:undefined},fleet,link,servers))
await bench('door',()=>door.byPath(request,()=>'127.0.0.1'))
process.exit()
