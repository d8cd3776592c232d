/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin: lifts a program, optimises it for this machine and puts the
 * machine code into memory of its own.
 *
 * Each program has its own LLVM context and its own session of the linker, so
 * that threads compile without a lock and releasing one leaves nothing behind.
 * The linker writes to memory that is not executable and then makes it
 * executable and read-only.  Code finds no symbol but those in 'symbols'. */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/BitReader.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Linker.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "jit/inline.h"
#include "jit/lift.h"
#include "jit/plugin.h"

/* What LLVM itself may call. */
static const struct {
    const char *name;
    void *address;
} symbols[] = {
    {"memcpy", (void *) memcpy}, {"memmove", (void *) memmove},
    {"memset", (void *) memset}, {"memcmp", (void *) memcmp},
    {"bcmp", (void *) memcmp},
};
#define N_SYMBOLS (sizeof symbols / sizeof symbols[0])

/* Programs of more instructions or more traffic (see flow.h) than this are not
 * optimised: the time that LLVM takes for it grows faster than they do. */
#define MAX_OPTIMIZED_INSNS   4096
#define MAX_OPTIMIZED_TRAFFIC 8192

/* Instructions that calls of functions of LIFT_SPECIAL may become when they
 * are inlined.  Calls of one that would become more than is left stay calls.
 */
#define MAX_INLINED_INSNS 1000

static char *host_triple, *host_cpu, *host_features;
static bool initialized;

static void
initialize(void)
{
    initialized =
        !LLVMInitializeNativeTarget() && !LLVMInitializeNativeAsmPrinter();
    host_triple = LLVMGetDefaultTargetTriple();
    host_cpu = LLVMGetHostCPUName();
    host_features = LLVMGetHostCPUFeatures();
}

/* What a compilation holds. */
struct compilation {
    const struct ubpf_jit_input *in;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMTargetMachineRef machine;
    bool optimized;
    char **error;
};

/* Fails with LLVM's words for it. */
static int
fail_llvm(struct compilation *c, LLVMErrorRef llvm_error)
{
    char *message = LLVMGetErrorMessage(llvm_error);

    free(*c->error);
    *c->error = strdup(message);
    LLVMDisposeErrorMessage(message);
    return EINVAL;
}

static int
fail_message(struct compilation *c, char *message)
{
    free(*c->error);
    *c->error = strdup(message);
    LLVMDisposeMessage(message);
    return EINVAL;
}

/* Takes the place of LLVM's own handler, which ends the process. */
static void
take_diagnostic(LLVMDiagnosticInfoRef info, void *c_)
{
    struct compilation *c = c_;

    if (LLVMGetDiagInfoSeverity(info) == LLVMDSError && !*c->error) {
        char *message = LLVMGetDiagInfoDescription(info);

        fail_message(c, message);
    }
}

static int
make_machine(struct compilation *c)
{
    char *message = NULL;
    LLVMTargetRef target;
    LLVMTargetDataRef layout;

    if (LLVMGetTargetFromTriple(host_triple, &target, &message)) {
        return fail_message(c, message);
    }
    c->machine = LLVMCreateTargetMachine(
        target, host_triple, host_cpu, host_features,
        c->optimized ? LLVMCodeGenLevelDefault : LLVMCodeGenLevelNone,
        LLVMRelocPIC, LLVMCodeModelJITDefault);
    if (!c->machine) {
        return ENOTSUP;
    }
    layout = LLVMCreateTargetDataLayout(c->machine);
    LLVMSetModuleDataLayout(c->module, layout);
    LLVMSetTarget(c->module, host_triple);
    LLVMDisposeTargetData(layout);
    return 0;
}

static bool
has_prefix(LLVMValueRef function, const char *prefix)
{
    return !strncmp(LLVMGetValueName(function), prefix, strlen(prefix));
}

/* True for a function of inline.c. */
static bool
is_inlined(LLVMValueRef function)
{
    return has_prefix(function, "ubpf_inline_");
}

static bool
calls_inlined(LLVMModuleRef module)
{
    LLVMValueRef f;

    for (f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        if (is_inlined(f)) {
            return true;
        }
    }
    return false;
}

static void
set_string_attribute(LLVMValueRef function, const char *name,
                     const char *value)
{
    LLVMContextRef context =
        LLVMGetModuleContext(LLVMGetGlobalParent(function));
    LLVMAttributeRef attribute =
        LLVMCreateStringAttribute(context, name, (unsigned int) strlen(name),
                                  value, (unsigned int) strlen(value));

    LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex, attribute);
}

static void
set_attribute(struct compilation *c, LLVMValueRef f, const char *name)
{
    LLVMAddAttributeAtIndex(
        f, LLVMAttributeFunctionIndex,
        LLVMCreateEnumAttribute(
            c->context, LLVMGetEnumAttributeKindForName(name, strlen(name)),
            0));
}

static unsigned int
count_insns(LLVMValueRef function)
{
    unsigned int n = 0;

    for (LLVMBasicBlockRef block = LLVMGetFirstBasicBlock(function); block;
         block = LLVMGetNextBasicBlock(block)) {
        for (LLVMValueRef insn = LLVMGetFirstInstruction(block); insn;
             insn = LLVMGetNextInstruction(insn)) {
            n++;
        }
    }
    return n;
}

/* Decides of each function of LIFT_SPECIAL whether its calls are inlined. */
static void
limit_inlining(struct compilation *c)
{
    unsigned int left = MAX_INLINED_INSNS;
    LLVMValueRef f;

    for (f = LLVMGetFirstFunction(c->module); f; f = LLVMGetNextFunction(f)) {
        unsigned int calls = 0, size;

        if (!has_prefix(f, LIFT_SPECIAL)) {
            continue;
        }
        for (LLVMUseRef use = LLVMGetFirstUse(f); use;
             use = LLVMGetNextUse(use)) {
            calls++;
        }
        size = calls * count_insns(f);
        if (size <= left || calls == 1) {
            left -= size < left ? size : left;
            set_string_attribute(f, "function-inline-cost", "0");
        } else {
            set_attribute(c, f, "noinline");
        }
    }
}

/* Lets all functions be compiled for this machine, and nothing but the entry
 * be seen from outside. */
static void
set_attributes(struct compilation *c)
{
    LLVMValueRef f;

    for (f = LLVMGetFirstFunction(c->module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f)) {
            continue;
        }
        set_string_attribute(f, "target-cpu", host_cpu);
        set_string_attribute(f, "target-features", host_features);
        set_attribute(c, f, "nounwind");
        /* What is used as an address may be an offset, to which the address of
         * something is added. */
        set_attribute(c, f, "null_pointer_is_valid");
        if (strcmp(LLVMGetValueName(f), LIFT_ENTRY)) {
            LLVMSetLinkage(f, LLVMInternalLinkage);
        }
    }
}

/* Deletes those functions of inline.c in 'module', of which no body was read
 * yet, that the program does not call.  All others become part of what calls
 * them. */
static void
select_inlined(struct compilation *c, LLVMModuleRef module)
{
    LLVMValueRef f, next;

    for (f = LLVMGetFirstFunction(module); f; f = next) {
        next = LLVMGetNextFunction(f);
        if (is_inlined(f)
            && !LLVMGetNamedFunction(c->module, LLVMGetValueName(f))) {
            LLVMDeleteFunction(f);
        } else if (!LLVMIsDeclaration(f)) {
            set_attribute(c, f, "alwaysinline");
        }
    }
}

/* Adds those functions of inline.c that the program calls. */
static int
link_inlined(struct compilation *c)
{
    LLVMMemoryBufferRef bitcode;
    LLVMModuleRef module;

    if (!calls_inlined(c->module)) {
        return 0;
    }
    bitcode = LLVMCreateMemoryBufferWithMemoryRange(
        ubpf_inline_bitcode,
        (size_t) (ubpf_inline_bitcode_end - ubpf_inline_bitcode), "inline",
        true);
    if (LLVMGetBitcodeModuleInContext2(c->context, bitcode, &module)) {
        LLVMDisposeMemoryBuffer(bitcode);
        return EINVAL;
    }
    select_inlined(c, module);
    LLVMSetTarget(module, host_triple);
    LLVMSetDataLayout(module, LLVMGetDataLayoutStr(c->module));
    return LLVMLinkModules2(c->module, module) ? EINVAL : 0;
}

/* The furthest that a field is from the start of something. */
#define MAX_FIELD 65536

/* Makes inttoptr(x + CONSTANT) a place CONSTANT bytes after inttoptr(x), so
 * that LLVM sees which accesses to a packet cannot overlap.  A large constant
 * is itself the address of something, and x the offset. */
static void
split_address(LLVMBuilderRef builder, LLVMValueRef cast)
{
    LLVMValueRef sum = LLVMGetOperand(cast, 0), base, index;
    LLVMTypeRef i8;

    if (!LLVMIsABinaryOperator(sum) || LLVMGetInstructionOpcode(sum) != LLVMAdd
        || !LLVMIsAConstantInt(LLVMGetOperand(sum, 1))
        || llabs(LLVMConstIntGetSExtValue(LLVMGetOperand(sum, 1)))
               > MAX_FIELD) {
        return;
    }
    LLVMPositionBuilderBefore(builder, cast);
    index = LLVMGetOperand(sum, 1);
    i8 = LLVMInt8TypeInContext(LLVMGetTypeContext(LLVMTypeOf(cast)));
    base = LLVMBuildIntToPtr(builder, LLVMGetOperand(sum, 0), LLVMTypeOf(cast),
                             "");
    LLVMReplaceAllUsesWith(cast,
                           LLVMBuildGEP2(builder, i8, base, &index, 1, ""));
    LLVMInstructionEraseFromParent(cast);
}

static void
split_addresses(struct compilation *c)
{
    LLVMBuilderRef builder = LLVMCreateBuilderInContext(c->context);
    LLVMValueRef f, insn, next;
    LLVMBasicBlockRef block;

    for (f = LLVMGetFirstFunction(c->module); f; f = LLVMGetNextFunction(f)) {
        for (block = LLVMGetFirstBasicBlock(f); block;
             block = LLVMGetNextBasicBlock(block)) {
            for (insn = LLVMGetFirstInstruction(block); insn; insn = next) {
                next = LLVMGetNextInstruction(insn);
                if (LLVMIsAIntToPtrInst(insn)) {
                    split_address(builder, insn);
                }
            }
        }
    }
    LLVMDisposeBuilder(builder);
}

static int
run_passes(struct compilation *c, const char *passes)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef llvm_error;

    llvm_error = LLVMRunPasses(c->module, passes, c->machine, options);
    LLVMDisposePassBuilderOptions(options);
    return llvm_error ? fail_llvm(c, llvm_error) : 0;
}

static int
optimize(struct compilation *c)
{
    int err;

    if (!c->optimized) {
        return run_passes(c, "always-inline");
    }
    err = run_passes(
        c, "always-inline,"
           "function(sroa,instcombine<no-verify-fixpoint>,simplifycfg)");
    if (!err) {
        limit_inlining(c);
        split_addresses(c);
        err = run_passes(c, "default<O2>");
    }
    return err;
}

/* Linking. */

struct lookup_result {
    LLVMErrorRef error;
    uint64_t address;
};

static void
take_lookup(LLVMErrorRef llvm_error, LLVMOrcCSymbolMapPairs pairs, size_t n,
            void *result_)
{
    struct lookup_result *result = result_;

    result->error = llvm_error;
    if (!llvm_error && n == 1) {
        result->address = pairs[0].Sym.Address;
    }
}

/* Puts 'symbols' into 'dylib'. */
static LLVMErrorRef
define_symbols(LLVMOrcLLJITRef jit, LLVMOrcJITDylibRef dylib)
{
    LLVMOrcCSymbolMapPair pairs[N_SYMBOLS];

    for (size_t i = 0; i < N_SYMBOLS; i++) {
        pairs[i].Name = LLVMOrcLLJITMangleAndIntern(jit, symbols[i].name);
        pairs[i].Sym.Address = (uintptr_t) symbols[i].address;
        pairs[i].Sym.Flags.GenericFlags = LLVMJITSymbolGenericFlagsExported
                                          | LLVMJITSymbolGenericFlagsCallable;
        pairs[i].Sym.Flags.TargetFlags = 0;
    }
    return LLVMOrcJITDylibDefine(dylib,
                                 LLVMOrcAbsoluteSymbols(pairs, N_SYMBOLS));
}

static LLVMErrorRef
link_object(LLVMOrcLLJITRef jit, LLVMMemoryBufferRef object, uint64_t *address)
{
    LLVMOrcExecutionSessionRef session = LLVMOrcLLJITGetExecutionSession(jit);
    /* A bare one: the others find what the process has. */
    LLVMOrcJITDylibRef dylib =
        LLVMOrcExecutionSessionCreateBareJITDylib(session, "program");
    LLVMOrcCJITDylibSearchOrderElement order = {
        dylib, LLVMOrcJITDylibLookupFlagsMatchExportedSymbolsOnly};
    LLVMOrcCLookupSetElement wanted = {NULL,
                                       LLVMOrcSymbolLookupFlagsRequiredSymbol};
    struct lookup_result result = {NULL, 0};
    LLVMErrorRef llvm_error = define_symbols(jit, dylib);

    if (llvm_error) {
        LLVMDisposeMemoryBuffer(object);
        return llvm_error;
    }
    llvm_error = LLVMOrcLLJITAddObjectFile(jit, dylib, object);
    if (llvm_error) {
        return llvm_error;
    }
    wanted.Name = LLVMOrcLLJITMangleAndIntern(jit, LIFT_ENTRY);
    LLVMOrcExecutionSessionLookup(session, LLVMOrcLookupKindStatic, &order, 1,
                                  &wanted, 1, take_lookup, &result);
    *address = result.address;
    return result.error;
}

/* Turns c->module into code in memory. */
static int
emit(struct compilation *c, struct ubpf_jit_code *code)
{
    LLVMMemoryBufferRef object;
    LLVMErrorRef llvm_error;
    LLVMOrcLLJITRef jit;
    char *message = NULL;
    uint64_t address = 0;

    if (LLVMTargetMachineEmitToMemoryBuffer(
            c->machine, c->module, LLVMObjectFile, &message, &object)) {
        return fail_message(c, message);
    }
    llvm_error = LLVMOrcCreateLLJIT(&jit, NULL);
    if (llvm_error) {
        LLVMDisposeMemoryBuffer(object);
        return fail_llvm(c, llvm_error);
    }
    llvm_error = link_object(jit, object, &address);
    if (llvm_error) {
        int err = fail_llvm(c, llvm_error);

        LLVMConsumeError(LLVMOrcDisposeLLJIT(jit));
        return err;
    }
    code->run = (ubpf_native_fn *) (uintptr_t) address;
    code->memory = jit;
    return 0;
}

static void
release(struct ubpf_jit_code *code)
{
    LLVMConsumeError(LLVMOrcDisposeLLJIT(code->memory));
}

static int
compile_module(struct compilation *c, struct ubpf_jit_code *code)
{
    const char *show = getenv("UBPF_JIT_SHOW");
    uint64_t traffic = 0;
    int err;

    err = lift_program(c->in, c->module, &traffic);
    c->optimized = !c->in->quick && c->in->n_insns <= MAX_OPTIMIZED_INSNS
                   && traffic <= MAX_OPTIMIZED_TRAFFIC;
    if (!err) {
        err = make_machine(c);
    }
    if (!err) {
        err = link_inlined(c);
    }
    if (err) {
        return err;
    }
    set_attributes(c);
    err = optimize(c);
    if (!err && show) {
        LLVMDumpModule(c->module);
    }
    if (!err) {
        err = emit(c, code);
    }
    if (!err && *c->error) {
        release(code);
        err = EINVAL;
    }
    return err;
}

static int
compile(const struct ubpf_jit_input *in, struct ubpf_jit_code *code,
        char **error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct compilation c = {.in = in, .error = error};
    int err;

    *error = NULL;
    pthread_once(&once, initialize);
    if (!initialized) {
        return ENOTSUP;
    }
    c.context = LLVMContextCreate();
    LLVMContextSetDiagnosticHandler(c.context, take_diagnostic, &c);
    c.module = LLVMModuleCreateWithNameInContext("ubpf", c.context);
    err = compile_module(&c, code);
    LLVMDisposeModule(c.module);
    LLVMContextDispose(c.context);
    if (c.machine) {
        LLVMDisposeTargetMachine(c.machine);
    }
    return err;
}

extern const struct ubpf_jit_plugin ubpf_jit_plugin;

__attribute__((visibility("default")))
const struct ubpf_jit_plugin ubpf_jit_plugin = {
    .id = UBPF_JIT_ID,
    .compile = compile,
    .release = release,
};
