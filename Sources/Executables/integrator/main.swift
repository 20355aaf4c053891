print("integrator")
