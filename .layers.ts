import { forward } from '/work/wt-deployments/src/deployments/proxy.ts'
import { UpstreamBackend } from '/work/wt-deployments/src/deployments/upstream.ts'
import { identify, newTraceparent } from '/work/wt-deployments/src/telemetry/identity.ts'
import { rawPath, rawQuery } from '/work/wt-deployments/src/lib/path.ts'
import { Elysia } from 'elysia'
const [layer,port]=process.argv.slice(2)
const backend=new UpstreamBackend({upstream:'http://127.0.0.1:'+port} as any)
const mk=(request:Request,peer:string,identity:any)=>forward({request,backend,to:{target:rawPath(request.url)+rawQuery(request.url),host:'x',callersHost:'x',prefix:'/v1/a/b',peer,scheme:'http',trusted:false,requestId:identity.requestId,traceparent:'00-aaa-bbb-00',withheld:['x-api-key']},edge:{headers:identity.headers,cors:false},timeoutMs:30000,maxBody:1e9,keepOpen(){},refused(e:any){console.log(e);return new Response('x',{status:500})}})
const fixed={requestId:'abc',headers:{'x-request-id':'abc'}}
let s:any
if(layer==='forward') s=Bun.serve({port:0,hostname:'127.0.0.1',fetch:r=>mk(r,'127.0.0.1',fixed)})
else if(layer==='ident') s=Bun.serve({port:0,hostname:'127.0.0.1',fetch:r=>mk(r,'127.0.0.1',identify(r.headers))})
else if(layer==='ip') s=Bun.serve({port:0,hostname:'127.0.0.1',fetch:(r,s)=>mk(r,s.requestIP(r)!.address,identify(r.headers))})
else if(layer==='elysia'){ const app=new Elysia({aot:true,serve:{reusePort:false}}).all('/v1/*',({request})=>mk(request,app.server!.requestIP(request)!.address,identify(request.headers)),{parse:'none'}); app.listen({port:0,hostname:'127.0.0.1'}); s=app.server }
console.log(s.port)
