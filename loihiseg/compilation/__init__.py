"""From a trained network to one that can be kept and run: `DeployedNetwork`.

What makes one needs TensorFlow and nengo-loihi (`compile`); what keeps, loads and runs one needs
neither (`deployed`, `artifact`).
"""
