/// Arguments of a call, worked out.
struct CallArguments {
  var positional: [TemplateValue] = []
  var named: [(name: String, value: TemplateValue)] = []
}
