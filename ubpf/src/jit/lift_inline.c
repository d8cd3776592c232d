/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of functions that are not the program's: those in the library, by
 * their addresses, and those of inline.c, by name. */

#include <stdio.h>

#include "jit/lift.h"

/* Arguments and constants that any function takes. */
#define MAX_ARGS 8

/* Promises that a call keeps no copy of argument 'arg' (from 0). */
static void
borrow(struct lift *l, LLVMValueRef call, unsigned int arg)
{
    static const char name[] = "nocapture";
    unsigned int kind = LLVMGetEnumAttributeKindForName(name, sizeof name - 1);

    LLVMAddCallSiteAttribute(call, 1 + arg,
                             LLVMCreateEnumAttribute(l->m->context, kind, 0));
}

/* The type of a function that takes 'args' and returns 'result'. */
static LLVMTypeRef
function_type(LLVMTypeRef result, LLVMValueRef args[], unsigned int n)
{
    LLVMTypeRef types[MAX_ARGS];

    for (unsigned int i = 0; i < n; i++) {
        types[i] = LLVMTypeOf(args[i]);
    }
    return LLVMFunctionType(result, types, n, false);
}

static LLVMValueRef
call(struct lift *l, LLVMTypeRef type, LLVMValueRef function,
     LLVMValueRef args[], unsigned int n)
{
    LLVMValueRef result =
        LLVMBuildCall2(l->m->builder, type, function, args, n, "");

    for (unsigned int i = 0; i < n; i++) {
        if (LLVMGetTypeKind(LLVMTypeOf(args[i])) == LLVMPointerTypeKind) {
            borrow(l, result, i);
        }
    }
    return result;
}

LLVMValueRef
lift_call_c(struct lift *l, uintptr_t address, LLVMTypeRef result,
            LLVMValueRef args[], unsigned int n)
{
    return call(l, function_type(result, args, n), lift_address(l, address),
                args, n);
}

/* The function 'name', of 'type'. */
static LLVMValueRef
function_named(struct lift *l, const char *name, LLVMTypeRef type)
{
    LLVMValueRef function = LLVMGetNamedFunction(l->m->module, name);

    return function ? function : LLVMAddFunction(l->m->module, name, type);
}

LLVMValueRef
lift_call_inline(struct lift *l, const char *name, LLVMTypeRef result,
                 LLVMValueRef args[], unsigned int n)
{
    LLVMTypeRef type = function_type(result, args, n);

    return call(l, type, function_named(l, name, type), args, n);
}

/* Writes the body of 'function': a call of 'name' with its 'n' parameters and
 * with the constants. */
static void
write_special(struct lift *l, LLVMValueRef function, const char *name,
              LLVMTypeRef result, unsigned int n, const uint32_t constants[],
              unsigned int n_constants)
{
    LLVMBuilderRef builder = LLVMCreateBuilderInContext(l->m->context);
    LLVMValueRef args[MAX_ARGS];
    LLVMTypeRef type;

    for (unsigned int i = 0; i < n; i++) {
        args[i] = LLVMGetParam(function, i);
    }
    for (unsigned int i = 0; i < n_constants; i++) {
        args[n + i] = LLVMConstInt(l->m->i32, constants[i], false);
    }
    n += n_constants;
    type = function_type(result, args, n);
    LLVMPositionBuilderAtEnd(
        builder, LLVMAppendBasicBlockInContext(l->m->context, function, ""));
    LLVMBuildRet(builder,
                 LLVMBuildCall2(builder, type, function_named(l, name, type),
                                args, n, ""));
    LLVMDisposeBuilder(builder);
}

LLVMValueRef
lift_call_special(struct lift *l, const char *name, LLVMTypeRef result,
                  LLVMValueRef args[], unsigned int n,
                  const uint32_t constants[], unsigned int n_constants)
{
    LLVMTypeRef type = function_type(result, args, n);
    LLVMValueRef function;
    char full[100];

    snprintf(full, sizeof full, LIFT_SPECIAL "%s.%u.%u", name, constants[0],
             n_constants > 1 ? constants[1] : 0);
    function = LLVMGetNamedFunction(l->m->module, full);
    if (!function) {
        function = LLVMAddFunction(l->m->module, full, type);
        write_special(l, function, name, result, n, constants, n_constants);
    }
    return call(l, type, function, args, n);
}
