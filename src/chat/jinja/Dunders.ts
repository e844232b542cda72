/**
 * Names of Python's internal attributes. The sandbox hides an attribute that exists differently from one that doesn't: the
 * former is unsafe to use, the latter is just undefined, or may be a key of the same name.
 */
const OBJECT =
  "__class__ __delattr__ __dir__ __doc__ __eq__ __format__ __ge__ __getattribute__ __getstate__ __gt__ __hash__ __init__ " +
  "__init_subclass__ __le__ __lt__ __ne__ __new__ __reduce__ __reduce_ex__ __repr__ __setattr__ __sizeof__ __str__ " +
  "__subclasshook__"
const NUMBER =
  "__abs__ __add__ __bool__ __divmod__ __float__ __floordiv__ __getnewargs__ __int__ __mod__ __mul__ __neg__ __pos__ __pow__ " +
  "__radd__ __rdivmod__ __rfloordiv__ __rmod__ __rmul__ __round__ __rpow__ __rsub__ __rtruediv__ __sub__ __truediv__ " +
  "__trunc__ __ceil__ __floor__"
const INTEGER = `${NUMBER} __and__ __index__ __invert__ __lshift__ __or__ __rand__ __rlshift__ __ror__ __rrshift__ __rshift__ __rxor__ __xor__`
const SEQUENCE = "__add__ __contains__ __getitem__ __iter__ __len__ __mul__ __rmul__"
const INSTANCE = "__dict__ __module__ __weakref__"

const TYPES: Readonly<Record<string, string>> = {
  NoneType: "__bool__",
  int: INTEGER,
  bool: INTEGER,
  float: `${NUMBER} __getformat__`,
  str: `${SEQUENCE} __getnewargs__ __mod__ __rmod__`,
  Markup: `${SEQUENCE} ${INSTANCE} __getnewargs__ __mod__ __rmod__ __html__ __html_format__ __radd__ __slots__`,
  list: `${SEQUENCE} __class_getitem__ __delitem__ __iadd__ __imul__ __reversed__ __setitem__`,
  tuple: `${SEQUENCE} __class_getitem__ __getnewargs__`,
  _GroupTuple: `${SEQUENCE} __class_getitem__ __getnewargs__ __module__ __slots__ __match_args__ __orig_bases__ __annotations__ _asdict _field_defaults _fields _make _replace`,
  dict: "__class_getitem__ __contains__ __delitem__ __getitem__ __ior__ __iter__ __len__ __or__ __reversed__ __ror__ __setitem__",
  range: "__bool__ __contains__ __getitem__ __iter__ __len__ __reversed__",
  generator: "__del__ __iter__ __name__ __next__ __qualname__",
  bytes: `${SEQUENCE} __bytes__ __getnewargs__ __mod__ __rmod__`,
  builtin_function_or_method: "__call__ __module__ __name__ __qualname__ __self__ __text_signature__",
  function:
    "__annotations__ __builtins__ __call__ __closure__ __code__ __defaults__ __dict__ __get__ __globals__ __kwdefaults__ " +
    "__module__ __name__ __qualname__",
  type: "__abstractmethods__ __annotations__ __base__ __bases__ __basicsize__ __call__ __dict__ __dictoffset__ __flags__ __itemsize__ __module__ __mro__ __name__ __qualname__ __subclasses__ __text_signature__ mro",
  Macro: `${INSTANCE} __call__ _argument_count _async_invoke _default_autoescape _environment _func _invoke`,
  LoopContext: `${INSTANCE} __call__ __iter__ __len__ __next__ _after _before _current _iterable _iterator _last_changed_value _length _peek_next _recurse _to_iterator _undefined`,
  Namespace: `${INSTANCE} __getattribute__ __setitem__`,
  Undefined:
    "__slots__ __module__ __add__ __bool__ __call__ __getattr__ __getitem__ __iter__ __len__ _fail_with_undefined_error " +
    "_undefined_exception _undefined_hint _undefined_message _undefined_name _undefined_obj",
  Cycler: `${INSTANCE} __next__`,
  Joiner: `${INSTANCE} __call__`,
  TemplateReference: `${INSTANCE} __getitem__ _TemplateReference__context`,
  BlockReference: `${INSTANCE} __call__ _async_call _context _depth _stack`,
  TemplateDict: `${INSTANCE} __call__`
}

const sets = new Map<string, ReadonlySet<string>>()

/** Whether values of the type have an internal attribute of that name. */
export const hasInternal = (type: string, name: string): boolean => {
  if (!name.startsWith("_") && name !== "mro") return false
  const known = sets.get(type) ?? new Set(`${OBJECT} ${TYPES[type] ?? ""}`.split(" "))
  sets.set(type, known)
  return known.has(name)
}
