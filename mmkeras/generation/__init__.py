"""How token ids are chosen, step by step: in keras.ops, with a bound, so that it compiles and exports."""
