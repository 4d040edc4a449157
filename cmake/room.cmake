# pd_room(name DEPS rooms… LIBS libraries…)
#   The folder's *.cpp become the static library pd_<name>; *_test.cpp become pd_<name>_test.
#   DEPS are rooms further down (tests/tidy proves the arrows); LIBS are third-party targets.
function(pd_room name)
  cmake_parse_arguments(ROOM "" "" "DEPS;LIBS;TEST_DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  set(deps ${ROOM_DEPS})
  list(TRANSFORM deps PREPEND pd_)
  if(sources)
    add_library(pd_${name} STATIC ${sources})
    target_include_directories(pd_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(pd_${name} PUBLIC ${deps} PRIVATE ${ROOM_LIBS} Threads::Threads)
  else()
    add_library(pd_${name} INTERFACE)
    target_include_directories(pd_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(pd_${name} INTERFACE ${deps} ${ROOM_LIBS} Threads::Threads)
  endif()
  if(PERDURE_TESTS AND tests)
    set(test_deps ${ROOM_TEST_DEPS})
    list(TRANSFORM test_deps PREPEND pd_)
    add_executable(pd_${name}_test ${tests})
    target_link_libraries(pd_${name}_test PRIVATE pd_${name} ${test_deps} ${ROOM_LIBS}
                          GTest::gmock GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND pd_${name}_test)
    pd_test_environment(${name})
  endif()
endfunction()

# pd_test_environment(test…): what every test may rely on, whatever folder it is started in.
#   PERDURE_CHECKOUT is the root of the sources; PERDURE_PROGRAM the program under test.
#   PERDURE_PATIENCE is how many times as slow and as large it may be: sanitizers make it so.
if(PERDURE_SANITIZE)
  set(pd_patience 6)
else()
  set(pd_patience 1)
endif()
function(pd_test_environment)
  set_tests_properties(${ARGN} PROPERTIES ENVIRONMENT
    "PERDURE_CHECKOUT=${PROJECT_SOURCE_DIR};PERDURE_PROGRAM=${CMAKE_BINARY_DIR}/perdure;\
PERDURE_PATIENCE=${pd_patience}")
  pd_time_limit(900 ${ARGN})
endfunction()

# pd_time_limit(seconds test…): when a test is given up.
function(pd_time_limit seconds)
  math(EXPR seconds "${pd_patience} * ${seconds}")
  set_tests_properties(${ARGN} PROPERTIES TIMEOUT ${seconds})
endfunction()

# pd_script_test(name script): a python3 or bash script as a test; see tests/README.md.
function(pd_script_test name script)
  add_test(NAME ${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${script} ${ARGN})
  pd_test_environment(${name})
endfunction()

# pd_fuzz(name source DEPS rooms… LIBS libraries…): a libFuzzer target, build/fuzz/fuzz_<name>.
#   Seeds may lie in fuzz/corpus/fuzz_<name>/; `./dev fuzz` runs every target for a while.
function(pd_fuzz name source)
  cmake_parse_arguments(FUZZ "" "" "DEPS;LIBS" ${ARGN})
  set(deps ${FUZZ_DEPS})
  list(TRANSFORM deps PREPEND pd_)
  add_executable(fuzz_${name} ${source})
  target_link_libraries(fuzz_${name} PRIVATE ${deps} ${FUZZ_LIBS} Threads::Threads)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()
