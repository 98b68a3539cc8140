// What TypeDoc cannot know of gradlet: where a symbol belongs, that ops made by a factory are functions, and that the
// methods of Tensor are those functions again. Also formulas as MathML, and source pages to link to.
import { join, relative } from 'node:path';
import math from '@vscode/markdown-it-katex';
import katex from 'katex';
import * as td from 'typedoc';

const SRC = join(import.meta.dirname, '../src');

/** Category of a public symbol by the file it stands in; the first match counts. */
const CATEGORIES = [
  [/^tensor\/ops\/(elementwise|activation|cast)/, 'Element-wise operations'],
  [/^tensor\/ops\/(reduce|matmul)/, 'Reductions and products'],
  [/^tensor\/ops\/(shape|select|join)/, 'Shapes and selection'],
  [/^(tensor\/(backward|graph|autograd)|inspect\/grad)/, 'Autograd'],
  [/^inspect\//, 'Watching optimizers'],
  [/^core\/errors/, 'Errors'],
  [/^optim\/(clip|decay|weight-decay)/, 'Weight decay and clipping'],
  [/^optim\/schedules/, 'Schedules'],
  [/^optim\/wrappers/, 'Wrapping optimizers'],
  [/^(optim\/|kernels\/gpu)/, 'Optimizers'],
  [/^(tensor|core|kernels|formula)\//, 'Tensors'],
  [/^nn\/index/, 'Layers and losses'],
  [/^nn\/loss/, 'Losses'],
  [/^nn\//, 'Layers'],
  [/^data\//, 'Data'],
];

export function load(app) {
  app.on(td.Application.EVENT_BOOTSTRAP_END, () => {
    app.options.setValue('markdownItLoader', (parser) =>
      parser.use(math.default, {
        katex: formulas(app.logger),
        output: 'mathml',
        throwOnError: true,
        enableFencedBlocks: true,
      }),
    );
  });
  showCallableConstantsAsFunctions();
  app.converter.on(td.Converter.EVENT_RESOLVE_BEGIN, (context) => {
    const { project } = context;
    const all = (kind) => project.getReflectionsByKind(kind);
    const tensor = project.getChildByName('Tensor');
    showOpsAsMethods(tensor, project);
    for (const type of all(td.ReflectionKind.ClassOrInterface)) showInheritedAtTheBase(type, context);
    for (const accessor of all(td.ReflectionKind.Accessor)) showAsProperty(accessor, project);
    for (const signature of all(td.ReflectionKind.SomeSignature)) showPlainParameters(signature);
    for (const guide of project.documents ?? []) putInto(guide, 'Guides');
    for (const parent of [project, tensor, ...all(td.ReflectionKind.SomeModule)]) {
      for (const child of parent.children ?? []) categorize(child);
    }
  });
}

/** KaTeX, whose mistakes fail the build. */
const formulas = (logger) => ({
  renderToString(formula, options) {
    try {
      return katex.renderToString(formula, options);
    } catch (error) {
      logger.error(`In the formula "${formula}": ${error.message}`);
      return formula;
    }
  },
});

/** `const tanh = unary(…)` is a function to its reader, and `const Adam = defineOptimizer(…)` a class. */
function showCallableConstantsAsFunctions() {
  const { getComment } = td.Context.prototype;
  td.Context.prototype.getComment = function (symbol, kind) {
    const comment = getComment.call(this, symbol, kind);
    if (comment && kind === td.ReflectionKind.Variable) {
      const type = this.checker.getTypeOfSymbol(symbol);
      if (type.getConstructSignatures().length) comment.modifierTags.add('@class');
      else if (type.getCallSignatures().length) comment.modifierTags.add('@function');
    }
    return comment;
  };
}

/** A method that Tensor gets from an op: the op's signature without its first parameter, and a link to the op. */
function showOpsAsMethods(tensor, project) {
  for (const member of tensor.children) {
    const op = project.getChildByName(member.name);
    if (!member.inheritedFrom || !op?.signatures) continue;
    member.kind = td.ReflectionKind.Method;
    member.signatures = op.signatures.map((signature) => asMethod(member, op, signature));
    for (const left of ['type', 'comment', 'defaultValue', 'inheritedFrom']) delete member[left];
    for (const flag of ['Inherited', 'Const', 'Readonly']) member.setFlag(td.ReflectionFlag[flag], false);
  }
}

function asMethod(member, op, signature) {
  const method = new td.SignatureReflection(member.name, td.ReflectionKind.CallSignature, member);
  method.type = signature.type;
  const takesList = signature.parameters[0].type.visit({ typeOperator: () => true }); // concat(x, y) is x.concat([y])
  method.parameters = takesList ? signature.parameters : signature.parameters.slice(1);
  method.comment = new td.Comment([
    ...firstSentence(signature.comment?.summary ?? []),
    { kind: 'text', text: ' See ' },
    { kind: 'inline-tag', tag: '@link', text: op.name, target: op },
    { kind: 'text', text: '.' },
  ]);
  return method;
}

function firstSentence(parts) {
  const sentence = [];
  for (const part of parts) {
    const end = part.kind === 'text' ? part.text.search(/(?<=\.)\s|\n\n/) : -1;
    sentence.push(end < 0 ? part : { ...part, text: part.text.slice(0, end) });
    if (end >= 0) break;
  }
  return sentence;
}

/** Parameters as a caller sees them: a list of types stands for so many parameters, and `{ … }` in a signature has a name. */
function showPlainParameters(signature) {
  signature.parameters = signature.parameters?.flatMap((parameter) => {
    if (parameter.name === '__namedParameters') parameter.name = 'options';
    if (!parameter.flags.isRest || parameter.type.type !== 'tuple') return parameter;
    return parameter.type.elements.map(({ name = parameter.name, element, isOptional }) => {
      const plain = new td.ParameterReflection(name, td.ReflectionKind.Parameter, signature);
      plain.type = element;
      plain.setFlag(td.ReflectionFlag.Optional, isOptional);
      return plain;
    });
  });
}

/** What a type inherits stands at its base, not again on the page of every layer and optimizer. */
function showInheritedAtTheBase(type, context) {
  for (const member of [...(type.children ?? [])]) {
    const owner = ownerOf(member, context);
    const made = owner && owner !== type; // by a function such as defineOptimizer, which TypeDoc does not call inherited
    if (member.kindOf(td.ReflectionKind.Constructor) || !(made || member.flags.isInherited)) continue;
    if (made && owner.kindOf(td.ReflectionKind.Class)) {
      type.extendedTypes ??= [td.ReferenceType.createResolvedReference(owner.name, owner, context.project)];
    }
    context.project.removeReflection(member);
  }
  for (const kin of ['extendedTypes', 'implementedTypes']) {
    type[kin] = type[kin]?.filter((base) => base.reflection);
    if (!type[kin]?.length) delete type[kin];
  }
}

/** The documented class or interface whose source declares a member. */
function ownerOf(member, context) {
  const declaration = context.getSymbolFromReflection(member)?.declarations?.[0];
  const owner = declaration?.parent.symbol && context.getReflectionFromSymbol(declaration.parent.symbol);
  return owner?.kindOf(td.ReflectionKind.ClassOrInterface) ? owner : undefined;
}

/** Whether a property is a field or a pair of functions is nothing to its reader. */
function showAsProperty(accessor, project) {
  const { getSignature, setSignature } = accessor;
  const { type, comment, sources } = getSignature;
  if (!setSignature) accessor.setFlag(td.ReflectionFlag.Readonly);
  for (const signature of [getSignature, setSignature]) if (signature) project.removeReflection(signature);
  Object.assign(accessor, { kind: td.ReflectionKind.Property, type, comment, sources });
}

function categorize(reflection) {
  const file = reflection.sources?.[0]?.fullFileName;
  const path = file && relative(SRC, file).replaceAll('\\', '/');
  const category = path && CATEGORIES.find(([place]) => place.test(path))?.[1];
  if (category) putInto(reflection, category);
}

function putInto(reflection, category) {
  reflection.comment ??= new td.Comment();
  for (const { comment } of [reflection, ...(reflection.signatures ?? [])]) comment?.removeTags('@category');
  reflection.comment.blockTags.push(new td.CommentTag('@category', [{ kind: 'text', text: category }]));
}
