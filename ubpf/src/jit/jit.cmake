# SPDX-License-Identifier: Apache-2.0
#
# The compiler to native code, libubpf-jit.so.  The library finds it when a
# program is first compiled; see native.c for where.

# Library and plugin share structures: both carry a hash of the headers.
file(GLOB_RECURSE UBPF_HEADERS CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/include/*.h ${PROJECT_SOURCE_DIR}/src/*.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${UBPF_HEADERS})
set(digest "")
foreach(header ${UBPF_HEADERS})
  file(SHA256 ${header} one)
  string(APPEND digest ${one})
endforeach()
string(SHA256 UBPF_JIT_ID "${digest}")
target_compile_definitions(ubpf_objects PRIVATE
  UBPF_JIT_ID="${UBPF_JIT_ID}" UBPF_LIBDIR="${CMAKE_INSTALL_FULL_LIBDIR}")

if(NOT UBPF_JIT)
  return()
endif()
find_program(UBPF_LLVM_CONFIG NAMES llvm-config-19)
find_program(UBPF_BITCODE_CLANG NAMES clang-19)
if(UBPF_LLVM_CONFIG AND UBPF_BITCODE_CLANG)
  execute_process(COMMAND ${UBPF_LLVM_CONFIG} --includedir
    OUTPUT_VARIABLE UBPF_LLVM_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE)
  execute_process(COMMAND ${UBPF_LLVM_CONFIG} --libdir
    OUTPUT_VARIABLE UBPF_LLVM_LIBDIR OUTPUT_STRIP_TRAILING_WHITESPACE)
  find_library(UBPF_LLVM_LIBRARY NAMES LLVM-19 HINTS ${UBPF_LLVM_LIBDIR})
  find_path(UBPF_LLVM_HEADERS NAMES llvm-c/LLJIT.h HINTS ${UBPF_LLVM_INCLUDE})
endif()
if(NOT UBPF_LLVM_LIBRARY OR NOT UBPF_LLVM_HEADERS)
  if(UBPF_JIT STREQUAL "AUTO")
    message(STATUS "No LLVM 19 (clang-19, llvm-19-dev): programs will be interpreted")
    return()
  endif()
  message(FATAL_ERROR "UBPF_JIT needs LLVM 19: Debian packages clang-19 and llvm-19-dev")
endif()

# Lookups, for the programs they are inlined into.
set(UBPF_INLINE_BITCODE ${CMAKE_CURRENT_BINARY_DIR}/inline.bc)
add_custom_command(
  OUTPUT ${UBPF_INLINE_BITCODE}
  COMMAND ${UBPF_BITCODE_CLANG} -O2 -fno-unroll-loops -fno-vectorize -fno-slp-vectorize
    -fno-strict-aliasing -fno-stack-protector -emit-llvm -Wall -Werror
    -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR}/src
    -c ${PROJECT_SOURCE_DIR}/src/jit/inline.c -o ${UBPF_INLINE_BITCODE}
  DEPENDS src/jit/inline.c ${UBPF_HEADERS})
set_source_files_properties(src/jit/bitcode.c PROPERTIES
  OBJECT_DEPENDS ${UBPF_INLINE_BITCODE}
  COMPILE_DEFINITIONS UBPF_INLINE_BITCODE="${UBPF_INLINE_BITCODE}")

add_library(ubpf_jit MODULE
  src/isa/effects.c
  src/isa/isa.c
  src/jit/bitcode.c
  src/jit/compile.c
  src/jit/flow.c
  src/jit/lift.c
  src/jit/lift_call.c
  src/jit/lift_inline.c
  src/jit/lift_map.c
  src/jit/lift_ops.c
  src/jit/lift_value.c)
target_include_directories(ubpf_jit PRIVATE include src)
target_include_directories(ubpf_jit SYSTEM PRIVATE ${UBPF_LLVM_HEADERS})
target_compile_definitions(ubpf_jit PRIVATE UBPF_JIT_ID="${UBPF_JIT_ID}")
target_compile_options(ubpf_jit PRIVATE -fno-strict-aliasing)
if(UBPF_SANITIZE MATCHES "thread")
  # It has to see the loads of lookups that the stores of updates belong to.
  target_compile_definitions(ubpf_jit PRIVATE UBPF_JIT_NO_INLINE)
endif()
target_link_libraries(ubpf_jit PRIVATE ${UBPF_LLVM_LIBRARY} Threads::Threads)
set_target_properties(ubpf_jit PROPERTIES OUTPUT_NAME ubpf-jit)
install(TARGETS ubpf_jit LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
