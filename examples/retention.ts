// Enrichment: looks a customer up, scores it, and answers with a reason. The caller sends a key and nothing else; what it may
// not see of the customer stays masked in here, too.
import type { Handler } from 'callgate'

interface Customer {
  name: string
  plan: 'free' | 'basic' | 'premium'
  tenure: number
}
interface Churn {
  predictions: ['stays' | 'leaves']
  probabilities: [{ leaves: number }]
}

const retention: Handler<{ customer: number }> = async ({ body }, host) => {
  const { rows } = await host.call<{ rows: Customer[] }>('customer', { id: body.customer })
  const [customer] = rows
  if (!customer) throw host.error(404, 'There is no such customer.')
  const { tenure, plan } = customer
  const { predictions, probabilities } = await host.call<Churn>('churn', { features: { tenure, plan } })
  return {
    customer: customer.name,
    prediction: predictions[0],
    risk: Math.round(probabilities[0].leaves * 100) / 100,
    reason: reasonOf(customer),
  }
}

function reasonOf({ tenure, plan }: Customer): string {
  if (tenure < 6) return `new: ${tenure} months`
  return plan === 'free' ? 'pays nothing' : `${tenure} months on ${plan}`
}

export default retention
