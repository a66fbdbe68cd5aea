// The recorded custom service "slow", which says that it is loading and serves all the same.
export default request => ({ echo: request.body })
