// The recorded custom service "lookup": its path has a parameter.
export default request => ({ key: request.params.key })
